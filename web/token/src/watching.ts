import { TokenAgentError } from "./errors.js";
import type { TokenDescription, TokenList } from "./tokens.js";

export interface WatchOptions {
  /** From one look to the next; 2,000. */
  readonly everyMs?: number;
}

/** What is there now, and what has come and gone since the last event. */
export interface TokenChange extends TokenList {
  readonly arrived: TokenDescription[];
  readonly left: TokenDescription[];
}

/** An agent that stays away is looked for less and less often: every look tries all ways in. */
const MOST_PATIENCE = 5;

interface Watched extends EventTarget {
  list(): Promise<TokenList>;
}

/** Notices plugging in and out by looking again and again, only while somebody sees the page. */
export class TokenWatch {
  readonly #agent: Watched;
  #everyMs = 2_000;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #run = 0;
  /** Looks in a row that found no agent. */
  #missed = 0;
  #seen: TokenList | null = null;
  readonly #onVisible = () => this.#next(0);

  constructor(agent: Watched) {
    this.#agent = agent;
  }

  start({ everyMs = 2_000 }: WatchOptions): () => void {
    this.stop();
    this.#everyMs = everyMs;
    this.#seen = null;
    document.addEventListener("visibilitychange", this.#onVisible);
    this.#next(0);
    return () => this.stop();
  }

  stop(): void {
    this.#run++;
    clearTimeout(this.#timer);
    document.removeEventListener("visibilitychange", this.#onVisible);
  }

  #next(afterMs: number): void {
    const run = ++this.#run; // a look that is still under way takes no further step
    clearTimeout(this.#timer);
    if (document.visibilityState !== "visible") return;
    this.#timer = setTimeout(() => void this.#look(run), afterMs);
  }

  async #look(run: number): Promise<void> {
    try {
      const found = await this.#agent.list();
      if (run !== this.#run) return;
      if (this.#missed) this.#tell("back", null);
      this.#missed = 0;
      this.#compare(found);
    } catch (error) {
      if (run !== this.#run) return;
      if (!(error instanceof TokenAgentError)) throw error;
      if (error.code === "AGENT_CLOSED") return this.stop();
      // A list that was refused, because too much is asked at once, says nothing; the next will.
      const isGone = error.code.startsWith("AGENT_") && error.code !== "AGENT_BUSY";
      if (isGone && !this.#missed) this.#tell("gone", error);
      if (isGone) this.#missed++;
    }
    this.#next(this.#everyMs * Math.min(1 + this.#missed, MOST_PATIENCE));
  }

  #compare(found: TokenList): void {
    const before = this.#seen;
    this.#seen = found;
    if (before && fingerprint(before) === fingerprint(found)) return;
    const arrived = missingFrom(before?.tokens ?? [], found.tokens);
    const left = missingFrom(found.tokens, before?.tokens ?? []);
    const detail: TokenChange = { ...found, arrived, left };
    this.#tell("tokens", detail);
  }

  #tell(type: string, detail: unknown): void {
    this.#agent.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function nameOf(token: TokenDescription): string {
  return `${token.profile}/${token.serial}`;
}

function missingFrom(some: readonly TokenDescription[], all: readonly TokenDescription[]): TokenDescription[] {
  const names = new Set(some.map(nameOf));
  return all.filter((token) => !names.has(nameOf(token)));
}

/** Equal when nothing that a page shows has changed. */
function fingerprint({ tokens, faults }: TokenList): string {
  const seen = tokens.map((token) => [
    nameOf(token),
    token.label,
    token.triesLeft,
    token.isFirstPin,
    token.error?.code,
    token.containers.map((one) => [one.name, one.state, String(one.signingCertificate)]),
  ]);
  return JSON.stringify([seen, faults.map((fault) => [fault.profile, fault.error.code])]);
}
