import { fromBase64, toBase64 } from "./base64.js";
import { type ConnectOptions, openSession, type Way, wayOf } from "./connecting.js";
import { TokenAgentError } from "./errors.js";
import { type Fields, onlyLooks } from "./messages.js";
import { goneInTheMiddle, ownError } from "./own_errors.js";
import { type Session, SessionLost } from "./session.js";
import * as tokens from "./tokens.js";
import { type TokenChange, TokenWatch, type WatchOptions } from "./watching.js";

/** How long an answer took: all together, in the vendor's library, and until the person had answered the window. */
export interface Timing {
  readonly type: string;
  readonly totalMs: number;
  readonly libraryMs: number;
  readonly windowMs: number;
}

/** Events of a TokenAgent; `tokens`, `gone` and `back` come while `watch` runs. */
export interface TokenAgentEvents {
  /** A token was plugged in or pulled out, or what is in it changed. */
  readonly tokens: CustomEvent<TokenChange>;
  /** The agent does not answer any more. */
  readonly gone: CustomEvent<TokenAgentError>;
  readonly back: CustomEvent<null>;
  readonly answer: CustomEvent<Timing>;
}

type Listener<E> = (event: E) => void;

export interface TokenAgent {
  addEventListener<K extends keyof TokenAgentEvents>(
    type: K,
    listener: Listener<TokenAgentEvents[K]>,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof TokenAgentEvents>(
    type: K,
    listener: Listener<TokenAgentEvents[K]>,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** When the agent is started anew it needs a moment to listen again. */
const AGAIN_AFTER_MS = [0, 300, 900];

/**
 * The token agent on this machine, for this page. Every method rejects with a TokenAgentError.
 *
 * Several calls may be under way together. When the agent was started anew in between, a call opens a new session by itself; what
 * was under way then and may have been carried out is not repeated, but rejected with `AGENT_GONE` (looking is repeated).
 */
export class TokenAgent extends EventTarget {
  readonly #way: Way;
  #session: Session;
  #opening: Promise<Session> | null = null;
  #isClosed = false;
  readonly #watch = new TokenWatch(this);

  private constructor(way: Way, session: Session) {
    super();
    this.#way = way;
    this.#session = session;
  }

  /** Opens a session. The codes of its errors say why there is none: see TokenAgentError. */
  static async connect(options: ConnectOptions = {}): Promise<TokenAgent> {
    const way = wayOf(options);
    return new TokenAgent(way, await openSession(way));
  }

  /** First 16 octets of SM3 of `publicKey`, hexadecimal: what the platform knows this agent by. */
  get keyId(): string {
    return this.#session.hello.key_id;
  }

  /** The agent's SM2 key for sealed answers, SubjectPublicKeyInfo. */
  get publicKey(): Uint8Array {
    return fromBase64(this.#session.hello.public_key);
  }

  get version(): string {
    return this.#session.hello.version;
  }

  /** The tokens that are plugged in, and the vendors' drivers that do not work. */
  async list(): Promise<tokens.TokenList> {
    return tokens.listOf(await this.#ask("list", {}));
  }

  /** Announces a task of the platform's; its nonce goes into the sealed answer and is good for ten minutes. */
  async begin(token: tokens.TokenName, task: string, options: { unblock?: boolean } = {}): Promise<tokens.Begun> {
    const asked = { ...tokenFields(token), task, ...(options.unblock && { unblock: true }) };
    const result = await this.#ask("begin", asked);
    const request = result["unblock_request"];
    return { nonce: octets(result, "nonce"), ...(typeof request === "string" && { unblockRequest: request }) };
  }

  /** Makes a key in the token and signs a request for its certificate. A key that waits for one is used again. */
  async prepare(task: tokens.PrepareTask): Promise<tokens.PreparedKey> {
    const result = await this.#ask("prepare", {
      ...keyFields(task),
      subject: toBase64(task.subject),
      ...sealedField(task.sealed),
    });
    return { request: octets(result, "request"), publicKey: octets(result, "public_key") };
  }

  /** Writes both certificates and the encryption key, and proves it. */
  async write(task: tokens.WriteTask): Promise<tokens.ReadBack> {
    const result = await this.#ask("write", {
      ...keyFields(task),
      signing_certificate: toBase64(task.signingCertificate),
      encryption_certificate: toBase64(task.encryptionCertificate),
      envelope: toBase64(task.envelope),
      nonce: toBase64(task.nonce),
      ...sealedField(task.sealed),
    });
    return readBackOf(result);
  }

  /** Signs the server's nonce: proof of what is in the token. */
  async readBack(task: tokens.ReadBackTask): Promise<tokens.ReadBack> {
    const result = await this.#ask("read_back", {
      ...keyFields(task),
      nonce: toBase64(task.nonce),
      ...sealedField(task.sealed),
    });
    return readBackOf(result);
  }

  /** Signs text or data; the agent's window shows which, and asks for the PIN. */
  sign(task: tokens.SignTask): Promise<tokens.Signature> {
    const what: Fields =
      task.text === undefined
        ? { kind: "data", data: toBase64(task.data), title: task.title }
        : { kind: "text", text: task.text };
    return this.#sign(task, what);
  }

  /** Puts a recovered old encryption key into a container of its own; what was encrypted for it opens again. */
  async recover(task: tokens.RecoverTask): Promise<void> {
    await this.#ask("recover", {
      ...keyFields(task),
      signing_container: task.signingContainer,
      encryption_certificate: toBase64(task.encryptionCertificate),
      envelope: toBase64(task.envelope),
    });
  }

  /** Signs a log-in for this page's origin and no other. */
  signLogin(task: tokens.LoginTask): Promise<tokens.Signature> {
    return this.#sign(task, { kind: "login", challenge: toBase64(task.challenge) });
  }

  /** Whether `signature` is of `data` under the key; says nothing about the certificate's validity. Needs no token. */
  async verify(task: tokens.VerifyTask): Promise<boolean> {
    const by: Fields =
      task.publicKey === undefined
        ? { certificate: toBase64(task.certificate) }
        : { public_key: toBase64(task.publicKey) };
    const result = await this.#ask("verify", {
      data: toBase64(task.data),
      signature: toBase64(task.signature),
      ...by,
    });
    return result["is_valid"] === true;
  }

  /** Decrypts data that were encrypted for the key. */
  async open(task: tokens.OpenTask): Promise<Uint8Array> {
    const result = await this.#ask("open", {
      ...keyFields(task),
      wrapped_key: toBase64(task.wrappedKey),
      iv: toBase64(task.iv),
      data: toBase64(task.data),
    });
    return octets(result, "data");
  }

  /** The holder chooses a new PIN in the agent's window. */
  async changePin(task: tokens.ChangePinTask): Promise<void> {
    await this.#ask("change_pin", { ...tokenFields(task), ...sealedField(task.sealed) });
  }

  /** Unblocks a token with the platform's sealed answer; the holder chooses a new PIN. */
  async unblock(task: tokens.UnblockTask): Promise<void> {
    await this.#ask("unblock", { ...tokenFields(task), ...sealedField(task.sealed) });
  }

  /** Looks for tokens while the page is visible, and dispatches `tokens` when they change. Returns what stops it. */
  watch(options: WatchOptions = {}): () => void {
    return this.#watch.start(options);
  }

  /** Ends the session; what is under way is rejected. */
  close(): void {
    this.#isClosed = true;
    this.#watch.stop();
    this.#session.close();
  }

  async #sign(key: tokens.KeyName, what: Fields): Promise<tokens.Signature> {
    const result = await this.#ask("sign", { ...keyFields(key), ...what });
    return { signature: octets(result, "signature"), signingCertificate: octets(result, "signing_certificate") };
  }

  async #ask(type: string, fields: Fields): Promise<Record<string, unknown>> {
    for (let isAgain = false; ; isAgain = true) {
      const session = await this.#usable();
      try {
        return await this.#askIn(session, type, fields);
      } catch (error) {
        if (!(error instanceof SessionLost)) throw error;
        if (this.#isClosed) throw ownError("AGENT_CLOSED");
        if (error.mayHaveBeenDone && !onlyLooks(type)) throw goneInTheMiddle();
        if (isAgain) throw ownError("AGENT_GONE");
      }
    }
  }

  async #askIn(session: Session, type: string, fields: Fields): Promise<Record<string, unknown>> {
    const began = performance.now();
    const answer = await session.ask(type, fields);
    const detail: Timing = {
      type,
      totalMs: performance.now() - began,
      libraryMs: answer.library_ms ?? 0,
      windowMs: answer.window_ms ?? 0,
    };
    this.dispatchEvent(new CustomEvent("answer", { detail }));
    return answer.result ?? {};
  }

  /** The session, or a new one when it has ended; calls that come together share the new one. */
  #usable(): Promise<Session> {
    if (this.#isClosed) return Promise.reject(ownError("AGENT_CLOSED"));
    if (this.#session.isUsable) return Promise.resolve(this.#session);
    this.#opening ??= this.#reopen().finally(() => (this.#opening = null));
    return this.#opening;
  }

  async #reopen(): Promise<Session> {
    for (const [at, pause] of AGAIN_AFTER_MS.entries()) {
      await new Promise((resume) => setTimeout(resume, pause));
      try {
        const session = await openSession(this.#way);
        if (this.#isClosed) {
          session.close();
          throw ownError("AGENT_CLOSED");
        }
        this.#session.retire();
        this.#session = session;
        return session;
      } catch (error) {
        const isAway = error instanceof TokenAgentError && error.code === "AGENT_UNREACHABLE";
        if (!isAway) throw error;
        if (at === AGAIN_AFTER_MS.length - 1) break;
      }
    }
    throw ownError("AGENT_GONE");
  }
}

function tokenFields({ profile, serial }: tokens.TokenName): { profile: string; serial: string } {
  return { profile, serial };
}

function keyFields({ profile, serial, container }: tokens.KeyName): Record<string, string> {
  return { profile, serial, container };
}

function sealedField(sealed: tokens.Sealed | undefined): Record<string, string> {
  if (sealed === undefined) return {};
  return { sealed: typeof sealed === "string" ? sealed : toBase64(sealed) };
}

function octets(result: Record<string, unknown>, name: string): Uint8Array {
  const text = result[name];
  if (typeof text !== "string") throw ownError("AGENT_VERSION");
  return fromBase64(text);
}

function readBackOf(result: Record<string, unknown>): tokens.ReadBack {
  return {
    serial: String(result["serial"]),
    signature: octets(result, "signature"),
    signingCertificate: octets(result, "signing_certificate"),
    encryptionCertificate: octets(result, "encryption_certificate"),
  };
}
