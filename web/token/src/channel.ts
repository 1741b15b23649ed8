import type { Answer } from "./messages.js";

/** The way to the agent broke. `mayHaveBeenDone`: the question had left already. */
export class ChannelLost extends Error {
  constructor(readonly mayHaveBeenDone: boolean) {
    super("channel lost");
  }
}

/** No way to the agent was found. `timedOut`: something kept it waiting, a person perhaps. */
export class ChannelRefused extends Error {
  constructor(readonly timedOut: boolean) {
    super("channel refused");
  }
}

/** One way to the agent: a question goes in, its answer comes out. */
export interface Channel {
  /** How many questions may be under way together. */
  readonly mostAtOnce: number;
  readonly isOpen: boolean;
  /**
   * The browser may by itself send a question a second time when a kept connection broke; then "no such session" does not say
   * that nothing was done.
   */
  readonly mayBeRepeatedByBrowser: boolean;
  /** The answer to the question `text`, whose `id` it bears. Rejects with ChannelLost. */
  ask(id: string, text: string): Promise<Answer>;
  close(): void;
}
