/** Decides whether a failed attempt is followed by another, and after what delay. Sets no timers. */
import { checkMembers, checkNumber, MAX_TIME } from "./checks.js";
import { NO_RETRY } from "./protocol.js";
import type { RetryContext, RetryOptions } from "./types.js";

/** Retry options with all defaults filled in. */
export type RetryPolicy = Required<Omit<RetryOptions, "when">> & Pick<RetryOptions, "when">;

const DEFAULTS: RetryPolicy = {
  attempts: 3,
  methods: ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"],
  statusCodes: [408, 425, 429, 500, 502, 503, 504],
  baseDelay: 200,
  maxDelay: 30_000,
};

const MEMBERS: (keyof RetryOptions)[] = ["attempts", "methods", "statusCodes", "baseDelay", "maxDelay", "when"];
const TOO_MANY_REQUESTS = 429;
const MILLISECONDS_PER_SECOND = 1000;

/** A larger number of milliseconds in a reset header is a point in time: as a delay it would be 31 years. */
const LONGEST_RESET = 1e12;

/** Returns the policy of `retry` over `before`. */
export function mergeRetry(retry: number | RetryOptions | undefined, before: RetryPolicy | undefined): RetryPolicy | undefined {
  if (retry === undefined) return before;
  const given = typeof retry === "number" ? { attempts: retry } : retry;
  const policy = { ...DEFAULTS, ...before, ...checkMembers<RetryOptions>("retry", given, MEMBERS) };
  checkNumber("retry.attempts", policy.attempts, 1);
  for (const name of ["baseDelay", "maxDelay"] as const) checkNumber(`retry.${name}`, policy[name], 0, MAX_TIME, false);
  return policy;
}

/** Returns the milliseconds until the next attempt, or `NO_RETRY`. */
export function retryDelay(policy: RetryPolicy, context: Omit<RetryContext, "default">): number {
  const { request, response, error, attempt } = context;
  const mayPass = response ? policy.statusCodes.includes(response.status) : isTransient(error);
  const byDefault = mayPass && policy.methods.includes(request.method);
  const isWanted = policy.when ? policy.when({ ...context, default: byDefault }) : byDefault;
  if (!isWanted) return NO_RETRY;
  const backOff = Math.random() * policy.baseDelay * 2 ** (attempt - 1);
  return Math.min(serverDelay(response) ?? backOff, policy.maxDelay);
}

/** Returns whether an error is a failure of the network or a time limit of the attempt. Workerd marks network failures with `retryable`. */
function isTransient(error: unknown): boolean {
  const { name, retryable } = Object(error) as Partial<Error> & { retryable?: unknown };
  return name === "TypeError" || name === "TimeoutError" || retryable === true;
}

/** Returns the delay in milliseconds that the server asks for, if it asks for a delay. */
function serverDelay(response: Response | undefined): number | undefined {
  const headers = response?.headers;
  const retryAfter = headers?.get("retry-after");
  const reset = response?.status === TOO_MANY_REQUESTS ? (headers?.get("ratelimit-reset") ?? headers?.get("x-ratelimit-reset")) : undefined;
  const text = retryAfter ?? reset;
  if (!headers || !text) return undefined;
  const number = /^\d+$/.test(text) ? Number(text) * MILLISECONDS_PER_SECOND : undefined;
  if (number !== undefined && (retryAfter || number < LONGEST_RESET)) return number;
  // A date is compared with the server's own clock if the server sends it: the two clocks may differ.
  const now = Date.parse(headers.get("date") ?? "") || Date.now();
  const time = number ?? Date.parse(text);
  return Number.isNaN(time) ? undefined : Math.max(0, time - now);
}
