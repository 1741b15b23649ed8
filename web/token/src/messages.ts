/** The messages as they travel: docs/token-agent.md. */

export const PROTOCOL = 1;

export type Fields = Readonly<Record<string, string | boolean>>;

export interface AgentFault {
  readonly code: string;
  readonly number?: string;
  readonly message: string;
  readonly tries_left?: number;
}

export interface Answer {
  readonly v: number;
  readonly id: string;
  readonly ok: boolean;
  readonly session?: string;
  readonly result?: Record<string, unknown>;
  readonly error?: AgentFault;
  readonly library_ms?: number;
  readonly window_ms?: number;
}

export interface Hello {
  readonly agent: string;
  readonly version: string;
  readonly versions: readonly number[];
  readonly session: string;
  readonly key_id: string;
  readonly public_key: string;
  readonly most_bytes: number;
}

/** What only looks may be asked again by the library itself; everything else may have been done already. */
const ONLY_LOOKS: ReadonlySet<string> = new Set(["list", "verify"]);

export function onlyLooks(type: string): boolean {
  return ONLY_LOOKS.has(type);
}

/** An answer of the agent, or null when `text` is none: another program may listen there. */
export function answerOf(text: string): Answer | null {
  try {
    const read: unknown = JSON.parse(text);
    if (typeof read !== "object" || read === null) return null;
    const { id, ok } = read as { id?: unknown; ok?: unknown };
    return typeof id === "string" && typeof ok === "boolean" ? (read as Answer) : null;
  } catch {
    return null;
  }
}
