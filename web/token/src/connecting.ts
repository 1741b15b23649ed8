import { type Channel, ChannelRefused } from "./channel.js";
import type { TokenAgentError } from "./errors.js";
import { HttpsChannel } from "./https_channel.js";
import { ownError } from "./own_errors.js";
import { localNetworkPermission } from "./permission.js";
import { Session, SessionLost } from "./session.js";
import { WebSocketChannel } from "./websocket_channel.js";

export interface ConnectOptions {
  /** The agent's port, 47623 unless its settings say otherwise. */
  readonly port?: number;
  /** `auto` takes WebSocket, and HTTPS where that does not pass. */
  readonly transport?: "auto" | "websocket" | "https";
  /** How long connecting may take, the browser's question to the person included; 30,000. */
  readonly timeoutMs?: number;
  /** Called when the browser seems to be asking the person; the page can say where to look. */
  readonly onPermissionPrompt?: () => void;
}

export interface Way {
  readonly port: number;
  readonly transport: "auto" | "websocket" | "https";
  readonly timeoutMs: number;
  readonly onPermissionPrompt?: (() => void) | undefined;
}

const DEFAULT_PORT = 47623;
/** A refused connection takes milliseconds, on Windows over two seconds; what takes longer waits for a person. */
const LONGER_THAN_A_MACHINE_MS = 3_000;
const PROBE_MS = 2_000;

export function wayOf(options: ConnectOptions): Way {
  const port = options.port ?? DEFAULT_PORT;
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new RangeError("port");
  const { transport = "auto", timeoutMs = 30_000, onPermissionPrompt } = options;
  return { port, transport, timeoutMs, onPermissionPrompt };
}

/** A session with the agent. Rejects with a TokenAgentError that says why there is none. */
export async function openSession(way: Way): Promise<Session> {
  if (!isSecureContext) throw ownError("AGENT_INSECURE_PAGE");
  const policy = watchPolicy(way.port);
  const began = performance.now();
  let waited = false;
  try {
    const isPrompt = (await localNetworkPermission())?.state === "prompt";
    const waysLeft = waysIn(way);
    for (let open = waysLeft.shift(); open; open = waysLeft.shift()) {
      const tried = performance.now();
      const left = way.timeoutMs - (tried - began);
      if (left <= 0 || policy.isViolated) break;
      try {
        // While a person is asked the first way keeps its turn; a network that swallows it leaves time for the next.
        return await attempt(way, open, isPrompt || !waysLeft.length ? left : left / 2, policy);
      } catch (error) {
        if (!(error instanceof ChannelRefused)) throw error;
        waited ||= error.timedOut || performance.now() - tried > LONGER_THAN_A_MACHINE_MS;
      }
    }
    throw await whyNot(way.port, waited, policy.isViolated);
  } finally {
    policy.stop();
  }
}

async function attempt(way: Way, open: WayIn, timeoutMs: number, policy: PolicyWatch): Promise<Session> {
  const prompt = setTimeout(() => void tellOfPrompt(way), LONGER_THAN_A_MACHINE_MS);
  const opening = sessionBy(open, timeoutMs);
  opening.catch(() => undefined); // one that the policy ended comes to its own end later
  try {
    return await Promise.race([opening, policy.violation]);
  } finally {
    clearTimeout(prompt);
  }
}

type WayIn = (timeoutMs: number) => Promise<Channel>;

function waysIn(way: Way): WayIn[] {
  const byWebSocket: WayIn = (ms) => WebSocketChannel.open(`wss://localhost:${way.port}/`, ms);
  const byHttps: WayIn = () => Promise.resolve(new HttpsChannel(`https://localhost:${way.port}/`));
  return { auto: [byWebSocket, byHttps], websocket: [byWebSocket], https: [byHttps] }[way.transport];
}

/** Rejects with ChannelRefused when there is no agent at the other end. */
async function sessionBy(open: WayIn, timeoutMs: number): Promise<Session> {
  const began = performance.now();
  const channel = await open(timeoutMs);
  let isLate = false;
  const giveUp = () => {
    isLate = true;
    channel.close();
  };
  const timer = setTimeout(giveUp, timeoutMs - (performance.now() - began));
  try {
    return await Session.open(channel);
  } catch (error) {
    channel.close();
    throw error instanceof SessionLost ? new ChannelRefused(isLate) : error;
  } finally {
    clearTimeout(timer);
  }
}

async function tellOfPrompt(way: Way): Promise<void> {
  const permission = await localNetworkPermission();
  if (permission?.state === "prompt") way.onPermissionPrompt?.();
}

interface PolicyWatch {
  readonly isViolated: boolean;
  /** Rejects with ChannelRefused: a WebSocket that the policy forbids neither opens nor closes. */
  readonly violation: Promise<never>;
  stop(): void;
}

/** The page's own policy may forbid the connection, which looks like an agent that is not there. */
function watchPolicy(port: number): PolicyWatch {
  let refuse: (error: ChannelRefused) => void;
  const violation = new Promise<never>((_, reject) => (refuse = reject));
  violation.catch(() => undefined); // nobody may be waiting any more
  const note = (event: SecurityPolicyViolationEvent) => {
    const isOurs = event.blockedURI.includes(`//localhost:${port}`);
    if (!isOurs || event.effectiveDirective !== "connect-src" || event.disposition !== "enforce") return;
    watch.isViolated = true;
    refuse(new ChannelRefused(false));
  };
  const stop = () => document.removeEventListener("securitypolicyviolation", note);
  const watch = { isViolated: false, violation, stop };
  document.addEventListener("securitypolicyviolation", note);
  return watch;
}

async function whyNot(port: number, waited: boolean, againstPolicy: boolean): Promise<TokenAgentError> {
  if (againstPolicy) return ownError("AGENT_PAGE_POLICY");
  const permission = await localNetworkPermission();
  if (permission?.state === "denied") return ownError("AGENT_PERMISSION_DENIED");
  // Where nobody listens the browser does not ask, so a quick refusal says nothing about the permission.
  if (permission?.state === "prompt") return ownError(waited ? "AGENT_PERMISSION_UNANSWERED" : "AGENT_UNREACHABLE");
  return ownError((await anybodyListens(port)) ? "AGENT_ORIGIN_REFUSED" : "AGENT_UNREACHABLE");
}

/** Whether a program with a certificate that this browser trusts answers at all: the agent tells strangers nothing more. */
async function anybodyListens(port: number): Promise<boolean> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), PROBE_MS);
  try {
    await fetch(`https://localhost:${port}/`, {
      mode: "no-cors",
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal: abort.signal,
    });
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
