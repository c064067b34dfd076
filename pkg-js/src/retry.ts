/** Whether a request is tried again, and when: decisions without a timer. */
import { members, within } from "./limits.js";
import type { Occasion, RetryOptions } from "./types.js";

const defaults = {
  attempts: 3,
  methods: ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"],
  statusCodes: [408, 425, 429, 500, 502, 503, 504],
  baseDelay: 200,
  maxDelay: 30_000,
};

/** A policy with nothing left open. */
export type Retry = Required<Omit<RetryOptions, "when">> & Pick<RetryOptions, "when">;

/** The policy that `retry` asks for, over `before`. */
export function retryOver(retry: number | RetryOptions | undefined, before: Retry | undefined): Retry | undefined {
  if (retry === undefined) return before;
  const set = typeof retry === "number" ? { attempts: retry } : retry;
  const known: (keyof RetryOptions)[] = ["attempts", "methods", "statusCodes", "baseDelay", "maxDelay", "when"];
  const policy = { ...defaults, ...before, ...members<RetryOptions>("retry", set, known) };
  within("retry.attempts", policy.attempts, 1);
  for (const name of ["baseDelay", "maxDelay"] as const) within(`retry.${name}`, policy[name], 0, 1e12, false);
  return policy;
}

/** The milliseconds to wait before another attempt, or less than 0 for none. */
export function delayAfter(retry: Retry, occasion: Omit<Occasion, "default">): number {
  const { request, response, error, attempt } = occasion;
  const couldHelp = response ? retry.statusCodes.includes(response.status) : isPassing(error);
  const wanted = couldHelp && retry.methods.includes(request.method);
  if (!(retry.when ? retry.when({ ...occasion, default: wanted }) : wanted)) return -1;
  const own = Math.random() * retry.baseDelay * 2 ** (attempt - 1);
  return Math.min(asked(response) ?? own, retry.maxDelay);
}

/** A failure of the network, which workerd tells by a mark and not by a class, or a limit of the attempt's own. */
function isPassing(error: unknown): boolean {
  const { name, retryable } = Object(error) as Partial<Error> & { retryable?: unknown };
  return name === "TypeError" || name === "TimeoutError" || retryable === true;
}

/** How long the server asks to wait, in milliseconds, if it does. */
function asked(response: Response | undefined): number | undefined {
  const headers = response?.headers;
  const after = headers?.get("retry-after");
  const reset = response?.status === 429 ? (headers?.get("ratelimit-reset") ?? headers?.get("x-ratelimit-reset")) : undefined;
  const text = after ?? reset;
  if (!headers || !text) return undefined;
  const number = /^\d+$/.test(text) ? Number(text) * 1000 : undefined;
  // From 10⁹ seconds on a reset is a point in time: as a delay it would be 31 years.
  if (number !== undefined && (after || number < 1e12)) return number;
  // By the server's own clock, if it tells.
  const now = Date.parse(headers.get("date") ?? "") || Date.now();
  const point = number ?? Date.parse(text);
  return Number.isNaN(point) ? undefined : Math.max(0, point - now);
}
