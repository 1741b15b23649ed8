/** What tokens, keys and answers look like to a page. */

import { fromBase64 } from "./base64.js";
import { TokenAgentError } from "./errors.js";
import type { AgentFault } from "./messages.js";

/** Names one token. */
export interface TokenName {
  /** The vendor's profile in the agent's settings. */
  readonly profile: string;
  readonly serial: string;
}

/** Names one key in one token: 1 to 64 of `A-Z a-z 0-9 . _ -`. */
export interface KeyName extends TokenName {
  readonly container: string;
}

/**
 * `partial`: writing stopped in the middle; the same `write` again completes it. `whole`: both certificates fit their keys.
 * `recovered`: an old encryption key with its certificate, by `recover`.
 */
export type ContainerState = "empty" | "key" | "partial" | "whole" | "recovered";

export interface ContainerDescription {
  readonly name: string;
  readonly state: ContainerState;
  /** SubjectPublicKeyInfo; null where there is no key yet. */
  readonly publicKey: Uint8Array | null;
  /** DER; null where there is none. */
  readonly signingCertificate: Uint8Array | null;
  readonly encryptionCertificate: Uint8Array | null;
}

export interface TokenDescription extends TokenName {
  readonly label: string;
  readonly manufacturer: string;
  /** Empty for a blank token. */
  readonly application: string;
  readonly triesLeft?: number;
  readonly mostTries?: number;
  /** The PIN is still the one that the token came with. */
  readonly isFirstPin?: boolean;
  readonly containers: readonly ContainerDescription[];
  /** Why this token could not be looked at. */
  readonly error?: TokenAgentError;
}

/** A vendor's driver that did not work. */
export interface ProfileFault {
  readonly profile: string;
  readonly error: TokenAgentError;
}

export interface TokenList {
  readonly tokens: TokenDescription[];
  readonly faults: ProfileFault[];
}

/** What a sealed answer of the platform must name; `unblockRequest` where it was asked for. */
export interface Begun {
  readonly nonce: Uint8Array;
  readonly unblockRequest?: string;
}

export interface PreparedKey {
  /** PKCS#10, DER. */
  readonly request: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** Proof that token, key and certificates belong together: a signature over the server's nonce. */
export interface ReadBack {
  readonly serial: string;
  readonly signature: Uint8Array;
  readonly signingCertificate: Uint8Array;
  readonly encryptionCertificate: Uint8Array;
}

export interface Signature {
  /** DER of r and s; SM2 with SM3. */
  readonly signature: Uint8Array;
  readonly signingCertificate: Uint8Array;
}

/** Sealed answers come from the platform for this agent; the page hands them on and cannot read them. */
export type Sealed = string | Uint8Array;

export type PrepareTask = KeyName & {
  /** DER of the name that the request bears. */
  readonly subject: Uint8Array;
  readonly sealed?: Sealed;
};

export type WriteTask = KeyName & {
  readonly signingCertificate: Uint8Array;
  readonly encryptionCertificate: Uint8Array;
  /** ENVELOPEDKEYBLOB of GM/T 0016. */
  readonly envelope: Uint8Array;
  /** 16 to 64 octets of the server's. */
  readonly nonce: Uint8Array;
  readonly sealed?: Sealed;
};

/** An old encryption key out of escrow, in a container of its own; its envelope is for the signing key of `signingContainer`. */
export type RecoverTask = KeyName & {
  readonly signingContainer: string;
  readonly encryptionCertificate: Uint8Array;
  /** ENVELOPEDKEYBLOB of GM/T 0016. */
  readonly envelope: Uint8Array;
};

export type ReadBackTask = KeyName & { readonly nonce: Uint8Array; readonly sealed?: Sealed };

/** `text` is shown whole before it is signed; of `data` title, size and digest are. */
export type SignTask = KeyName &
  (
    | { readonly text: string; readonly data?: never; readonly title?: never }
    | { readonly data: Uint8Array; readonly title: string; readonly text?: never }
  );

/** `challenge`: 32 octets of the server's. */
export type LoginTask = KeyName & { readonly challenge: Uint8Array };

export type VerifyTask = { readonly data: Uint8Array; readonly signature: Uint8Array } & (
  | { readonly publicKey: Uint8Array; readonly certificate?: never }
  | { readonly certificate: Uint8Array; readonly publicKey?: never }
);

export type OpenTask = KeyName & {
  /** SM4 key under the encryption key: SM2Cipher, DER. */
  readonly wrappedKey: Uint8Array;
  readonly iv: Uint8Array;
  /** SM4-CBC with PKCS#7 padding. */
  readonly data: Uint8Array;
};

export type ChangePinTask = TokenName & { readonly sealed?: Sealed };
export type UnblockTask = TokenName & { readonly sealed: Sealed };

interface WireContainer {
  readonly name: string;
  readonly state: ContainerState;
  readonly public_key: string;
  readonly signing_certificate: string;
  readonly encryption_certificate: string;
}

interface WireToken {
  readonly profile: string;
  readonly serial?: string;
  readonly label?: string;
  readonly manufacturer?: string;
  readonly application?: string;
  readonly tries_left?: number;
  readonly most_tries?: number;
  readonly is_first_pin?: boolean;
  readonly containers?: readonly WireContainer[];
  readonly error?: AgentFault;
}

interface WireList {
  readonly tokens: readonly WireToken[];
  readonly faults: readonly { readonly profile: string; readonly error: AgentFault }[];
}

export function errorOf(fault: AgentFault): TokenAgentError {
  const number = fault.number === undefined ? undefined : Number(fault.number);
  return new TokenAgentError(fault.code, fault.message, { number, triesLeft: fault.tries_left });
}

export function listOf(result: Record<string, unknown>): TokenList {
  const { tokens, faults } = result as unknown as WireList;
  return {
    tokens: tokens.map(tokenOf),
    faults: faults.map(({ profile, error }) => ({ profile, error: errorOf(error) })),
  };
}

function tokenOf(token: WireToken): TokenDescription {
  return {
    profile: token.profile,
    serial: token.serial ?? "",
    label: token.label ?? "",
    manufacturer: token.manufacturer ?? "",
    application: token.application ?? "",
    ...(token.tries_left !== undefined && { triesLeft: token.tries_left }),
    ...(token.most_tries !== undefined && { mostTries: token.most_tries }),
    ...(token.is_first_pin !== undefined && { isFirstPin: token.is_first_pin }),
    containers: (token.containers ?? []).filter((one) => one.state).map(containerOf),
    ...(token.error && { error: errorOf(token.error) }),
  };
}

function containerOf(container: WireContainer): ContainerDescription {
  return {
    name: container.name,
    state: container.state,
    publicKey: octetsOrNull(container.public_key),
    signingCertificate: octetsOrNull(container.signing_certificate),
    encryptionCertificate: octetsOrNull(container.encryption_certificate),
  };
}

function octetsOrNull(text: string): Uint8Array | null {
  return text ? fromBase64(text) : null;
}
