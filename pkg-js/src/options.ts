/** Options of clients and requests: a request's options are merged over its client's. */
import { checkMembers, checkNumber, MAX_TIME } from "./checks.js";
import { mergeRetry, type RetryPolicy } from "./retry.js";
import type { FetchOptions, Hooks, Rate, Timeouts } from "./types.js";

/** All time limits in milliseconds; 0 means no limit. */
export type AllTimeouts = Required<Timeouts>;

/** Options with all defaults filled in. */
export interface Options extends Omit<FetchOptions, "timeout" | "retry" | "hooks"> {
  priority: number;
  timeouts: AllTimeouts;
  retry?: RetryPolicy | undefined;
  hooks: Hooks;
}

/** The options that a client and a request share. */
export const SHARED_OPTIONS: readonly (keyof FetchOptions)[] = ["timeout", "priority", "retry", "throwHttpErrors", "onDownloadProgress", "onUploadProgress", "hooks"];

/** The defaults of a client. The platform's fetch has no time limits, so a replacement for it has none by default. */
export const DEFAULTS: Options = { timeouts: { queue: 0, head: 0, idle: 0, request: 0, total: 0 }, hooks: {}, priority: 0 };

const HOOKS = ["beforeRequest", "beforeRetry", "afterResponse", "onError"] as const;
const TIMEOUTS = ["queue", "head", "idle", "request", "total"] as const;
const MIN_PRIORITY = -32768;
const MAX_PRIORITY = 32767;
const NANOSECONDS_PER_MILLISECOND = 1e6;

/** Returns `options` over `defaults`. */
export function mergeOptions(options: FetchOptions, defaults: Options): Options {
  const { timeout, retry, hooks, ...rest } = options;
  const merged = { ...defaults, ...rest };
  checkNumber("priority", merged.priority, MIN_PRIORITY, MAX_PRIORITY);
  return {
    ...merged,
    timeouts: mergeTimeouts(timeout, defaults.timeouts),
    retry: mergeRetry(retry, defaults.retry),
    hooks: { ...defaults.hooks, ...checkMembers("hooks", hooks, HOOKS) },
  };
}

/** Returns the time limits of `timeout` over `defaults`. */
function mergeTimeouts(timeout: number | Timeouts | undefined, defaults: AllTimeouts): AllTimeouts {
  const given = typeof timeout === "number" ? { request: timeout } : timeout;
  const timeouts = { ...defaults, ...checkMembers("timeout", given, TIMEOUTS) };
  for (const name of TIMEOUTS) {
    checkNumber(`timeout.${name}`, timeouts[name], 0, Infinity, false);
    if (timeouts[name] === Infinity) timeouts[name] = 0;
  }
  return timeouts;
}

/** Returns a rate in the form of the core's settings; zeros mean no limit. */
export function rateSettings(name: string, rate: Rate | undefined): [requests: number, per: number, burst: number] {
  const { requests, per, burst = requests } = checkMembers(name, rate, ["requests", "per", "burst"]);
  if (!rate) return [0, 0, 0];
  const count = checkNumber(`${name}.requests`, requests, 1);
  // The core counts in nanoseconds: less than a nanosecond for each request would be no limit.
  const shortest = count / NANOSECONDS_PER_MILLISECOND;
  return [count, checkNumber(`${name}.per`, per, shortest, MAX_TIME, false), checkNumber(`${name}.burst`, burst, 1)];
}
