export { TokenAgent, type Timing, type TokenAgentEvents } from "./agent.js";
export type { ConnectOptions } from "./connecting.js";
export { TokenAgentError } from "./errors.js";
export { localNetworkPermission } from "./permission.js";
export type * from "./tokens.js";
export type { TokenChange, WatchOptions } from "./watching.js";
