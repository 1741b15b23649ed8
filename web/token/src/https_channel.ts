import { type Channel, ChannelLost } from "./channel.js";
import { type Answer, answerOf } from "./messages.js";

/** POST, where WebSocket does not pass. Each answer brings the next session, so questions go one after another. */
export class HttpsChannel implements Channel {
  readonly mostAtOnce = 1;
  readonly mayBeRepeatedByBrowser = true;
  readonly #address: string;
  readonly #abort = new AbortController();
  #isOpen = true;

  constructor(address: string) {
    this.#address = address;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  async ask(_id: string, text: string): Promise<Answer> {
    if (!this.#isOpen) throw new ChannelLost(false);
    const answer = await this.#post(text).catch(() => null);
    if (answer) return answer;
    this.close(); // whether the session went on to its next text is not known
    throw new ChannelLost(true);
  }

  close(): void {
    this.#isOpen = false;
    this.#abort.abort();
  }

  async #post(body: string): Promise<Answer | null> {
    const response = await fetch(this.#address, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: this.#abort.signal,
    });
    return response.ok ? answerOf(await response.text()) : null;
  }
}
