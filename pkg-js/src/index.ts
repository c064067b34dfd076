/** fetch with a bounded queue and time limits. */
export { Client } from "./client.js";
export { isWaterspoutError, WaterspoutError } from "./errors.js";
export type { ErrorCode } from "./errors.js";
export type { ClientOptions, ClientStats, FetchOptions, Timeouts, WaterspoutInit } from "./types.js";
