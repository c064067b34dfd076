/** fetch with a bounded queue, time limits and retries. */
export { Client } from "./client.js";
export { attemptsOf, isTimeoutError, isWaterspoutError, WaterspoutError } from "./errors.js";
export type { ErrorCode, WaterspoutErrorOptions } from "./errors.js";
export type * from "./types.js";
