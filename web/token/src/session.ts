import { type Channel, ChannelLost } from "./channel.js";
import type { TokenAgentError } from "./errors.js";
import { type Answer, type Fields, type Hello, onlyLooks, PROTOCOL } from "./messages.js";
import { ownError } from "./own_errors.js";
import { errorOf } from "./tokens.js";

/** The session is over. `mayHaveBeenDone`: what was asked may have been carried out all the same. */
export class SessionLost extends Error {
  constructor(readonly mayHaveBeenDone: boolean) {
    super("session lost");
  }
}

/** The agent ends a session after ten minutes without a message; a computer's sleep counts here, though not there. */
const IDLE_MS = 9 * 60 * 1000;
/** What only looks is answered by machines alone: an agent that takes longer hangs. */
const LONGEST_LOOK_MS = 120_000;

/** One session with the agent: counts its messages and lets as many under way together as the channel takes. */
export class Session {
  #number = 0;
  #underWay = 0;
  #isOver = false;
  #lastUsed = Date.now();
  readonly #queue: (() => void)[] = [];

  private constructor(
    readonly hello: Hello,
    private readonly channel: Channel,
    private text: string,
  ) {}

  /** Says hello. Rejects with SessionLost, or with the agent's own error. */
  static async open(channel: Channel): Promise<Session> {
    const id = "hello";
    const question = JSON.stringify({ v: PROTOCOL, id, type: "hello" });
    const answer = await channel.ask(id, question).catch(lost);
    if (!answer.ok) throw faultOf(answer);
    const hello = answer.result as Hello | undefined;
    if (hello?.agent !== "banyan-agent") throw new SessionLost(false);
    if (!hello.versions.includes(PROTOCOL)) throw ownError("AGENT_VERSION");
    return new Session(hello, channel, hello.session);
  }

  get isUsable(): boolean {
    return !this.#isOver && this.channel.isOpen && Date.now() - this.#lastUsed < IDLE_MS;
  }

  /** A successful answer. Rejects with SessionLost, or with a TokenAgentError. */
  async ask(type: string, fields: Fields): Promise<Answer> {
    await this.#takeTurn();
    try {
      if (this.channel.mayBeRepeatedByBrowser && !onlyLooks(type)) await this.#makeSure();
      const answer = await this.#exchange(type, fields);
      if (answer.ok) return answer;
      if (answer.error?.code === "AGENT_SESSION") this.#end(this.channel.mayBeRepeatedByBrowser);
      throw faultOf(answer);
    } finally {
      this.#passTurn();
    }
  }

  close(): void {
    this.#isOver = true;
    this.channel.close();
  }

  /** Takes no more questions; what is under way still gets its answers. */
  retire(): void {
    this.#isOver = true;
    if (!this.#underWay) this.channel.close();
  }

  /**
   * Asks something that the agent does not know, which costs nothing: it answers "unknown", or that there is no such session.
   * Without this, "no such session" after a question that matters could also mean that the browser sent it twice and the first
   * one was carried out; then the library could not repeat it in a new session.
   */
  async #makeSure(): Promise<void> {
    const answer = await this.#exchange("ping", {}).catch(() => this.#end(false));
    if (answer.error?.code === "AGENT_SESSION") this.#end(false);
  }

  async #exchange(type: string, fields: Fields): Promise<Answer> {
    if (this.#isOver) throw new SessionLost(false);
    const id = String(++this.#number);
    const text = JSON.stringify({ v: PROTOCOL, id, type, session: this.text, number: this.#number, ...fields });
    if (new TextEncoder().encode(text).length > this.hello.most_bytes) throw ownError("AGENT_TOO_LARGE");
    const hangs = onlyLooks(type) ? setTimeout(() => this.channel.close(), LONGEST_LOOK_MS) : undefined;
    const answer = await this.channel.ask(id, text).catch(lost).finally(() => clearTimeout(hangs));
    this.text = answer.session ?? this.text;
    this.#lastUsed = Date.now();
    return answer;
  }

  #end(mayHaveBeenDone: boolean): never {
    this.#isOver = true;
    throw new SessionLost(mayHaveBeenDone);
  }

  async #takeTurn(): Promise<void> {
    // Woken one may find its place taken by one that came just then.
    while (this.#underWay >= this.channel.mostAtOnce) await new Promise<void>((next) => this.#queue.push(next));
    this.#underWay++;
  }

  #passTurn(): void {
    this.#underWay--;
    if (this.#isOver && !this.#underWay) this.channel.close();
    this.#queue.shift()?.();
  }
}

function lost(error: unknown): never {
  throw error instanceof ChannelLost ? new SessionLost(error.mayHaveBeenDone) : error;
}

function faultOf(answer: Answer): TokenAgentError {
  return answer.error ? errorOf(answer.error) : ownError("AGENT_VERSION");
}
