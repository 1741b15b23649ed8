import { type Channel, ChannelLost, ChannelRefused } from "./channel.js";
import { type Answer, answerOf } from "./messages.js";

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: ChannelLost) => void;
}

/** WebSocket: answers come in any order. */
export class WebSocketChannel implements Channel {
  readonly mostAtOnce = 4;
  readonly mayBeRepeatedByBrowser = false;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<string, Waiting>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = (event: MessageEvent<unknown>) => this.#take(event.data);
    socket.onclose = () => this.#lose();
  }

  /** Rejects with ChannelRefused. */
  static open(address: string, timeoutMs: number): Promise<WebSocketChannel> {
    return new Promise((resolve, reject) => {
      const socket = socketTo(address);
      if (!socket) return reject(new ChannelRefused(false));
      const refuse = (timedOut: boolean) => {
        clearTimeout(timer);
        socket.onopen = socket.onclose = null;
        socket.close();
        reject(new ChannelRefused(timedOut));
      };
      const timer = setTimeout(() => refuse(true), timeoutMs);
      socket.onclose = () => refuse(false);
      socket.onopen = () => {
        clearTimeout(timer);
        resolve(new WebSocketChannel(socket));
      };
    });
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  ask(id: string, text: string): Promise<Answer> {
    if (!this.isOpen) return Promise.reject(new ChannelLost(false));
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(text);
    });
  }

  close(): void {
    this.#socket.onclose = null;
    this.#socket.close();
    this.#lose();
  }

  #take(data: unknown): void {
    const answer = typeof data === "string" ? answerOf(data) : null;
    if (!answer) return this.close(); // not our agent
    this.#waiting.get(answer.id)?.resolve(answer);
    this.#waiting.delete(answer.id);
  }

  #lose(): void {
    for (const one of this.#waiting.values()) one.reject(new ChannelLost(true));
    this.#waiting.clear();
  }
}

/** Null where the browser refuses at once. */
function socketTo(address: string): WebSocket | null {
  try {
    return new WebSocket(address);
  } catch {
    return null;
  }
}
