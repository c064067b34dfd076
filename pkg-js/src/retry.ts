/** Decides whether a failed attempt is followed by another, and after what delay. Sets no timers. */
import { checkKind, checkMembers, checkNumber, FUNCTION, MAX_TIME, type Kind } from "./checks.js";
import type { RetryContext, RetryOptions } from "./types.js";

/** Retry options with all defaults filled in. */
export interface RetryPolicy {
  /** The largest number of attempts, the first included; it may be Infinity. */
  readonly attempts: number;
  /** Methods in upper case. */
  readonly methods: readonly string[];
  readonly statusCodes: readonly number[];
  readonly baseDelay: number;
  readonly maxDelay: number;
  readonly when: RetryOptions["when"];
}

/** A delay that means that no attempt follows. */
export const NO_RETRY = -1;

const DEFAULTS: RetryPolicy = {
  attempts: 3,
  methods: ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"],
  statusCodes: [408, 425, 429, 500, 502, 503, 504],
  baseDelay: 200,
  maxDelay: 30_000,
  when: undefined,
};

/** Returns the kind of arrays whose items have the type. */
const arrayOf = (type: "string" | "number"): Kind => [(value) => Array.isArray(value) && value.every((item) => typeof item === type), `an array of ${type}s`];
const METHODS: Kind = arrayOf("string");
const STATUS_CODES: Kind = arrayOf("number");

/** Returns the checked value of each member. */
const CHECKS: { readonly [member: string]: (name: string, value: unknown) => unknown } = {
  attempts: (name, value) => (value === Infinity ? value : checkNumber(name, value, 0)),
  methods: (name, value) => (checkKind(name, value, METHODS) as string[]).map((method) => method.toUpperCase()),
  statusCodes: (name, value) => checkKind(name, value, STATUS_CODES),
  baseDelay: (name, value) => checkNumber(name, value, 0, Infinity, false),
  maxDelay: (name, value) => checkNumber(name, value, 0, Infinity, false),
  when: (name, value) => checkKind(name, value, FUNCTION),
};
const MEMBERS: string[] = Object.keys(CHECKS);
const DELAY: Kind = [(value) => typeof value === "number" && value >= 0, "a boolean or a delay in milliseconds from 0"];
const TOO_MANY_REQUESTS = 429;
const MILLISECONDS_PER_SECOND = 1000;

/** A number of seconds in a reset header from here on is a point in time: as a delay it would be 31 years. */
const FIRST_POINT_IN_TIME = 1e9;

/** The years into the future in which a year of two digits is read. RFC 9110, section 5.6.7. */
const YEARS_AHEAD = 50;

const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";

/** The three forms of a date in a header: IMF-fixdate, RFC 850 and asctime. RFC 9110, section 5.6.7. */
const DATE_FORMS: readonly RegExp[] = [
  "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), DD MM (?<year>\\d{4}) TT GMT",
  "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, DD-MM-(?<year>\\d\\d) TT GMT",
  "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) MM (?<day>[ \\d]\\d) TT (?<year>\\d{4})",
].map((form) => new RegExp(`^${form.replace("DD", "(?<day>\\d\\d)").replace("MM", `(?<month>${MONTHS.match(/.../g)?.join("|")})`).replace("TT", "(?<time>\\d\\d:\\d\\d:\\d\\d)")}$`));

/** Returns the policy of `retry` over `before`; undefined means no retry. */
export function mergeRetry(retry: number | false | RetryOptions | undefined, before: RetryPolicy | undefined): RetryPolicy | undefined {
  if (retry === undefined) return before;
  if (retry === false || retry === 0) return undefined;
  const isNumber = typeof retry === "number";
  const given = isNumber ? { attempts: retry } : checkMembers("retry", retry, MEMBERS, "a number of attempts, false, or an object");
  const policy: Record<string, unknown> = { ...(before ?? DEFAULTS) };
  for (const [member, value] of Object.entries(given)) {
    if (value !== undefined) policy[member] = CHECKS[member]?.(isNumber ? "retry" : `retry.${member}`, value);
  }
  return policy as unknown as RetryPolicy;
}

/**
 * Returns the milliseconds until the next attempt, or `NO_RETRY`: a promise if `when` returns a promise.
 *
 * Throws what `when` throws, and a TypeError if `when` returns neither a boolean nor a delay.
 */
export function retryDelay(policy: RetryPolicy, context: Omit<RetryContext, "default">): number | Promise<number> {
  const { request, response, error, attempt } = context;
  const mayPass = response ? policy.statusCodes.includes(response.status) : isTransient(error);
  const byDefault = mayPass && policy.methods.includes(request.method.toUpperCase());
  const decide = (wanted: unknown): number => {
    // `true` is the default delay. A condition such as `response && …` may be undefined or null.
    if (wanted !== true) return wanted == null || wanted === false ? NO_RETRY : Math.min(checkKind("the result of retry.when", wanted, DELAY) as number, MAX_TIME);
    const backOff = Math.random() * policy.baseDelay * 2 ** (attempt - 1);
    // Zero times infinity is no number: a base of 0 after a thousand attempts.
    return Math.min((serverDelay(response) ?? backOff) || 0, policy.maxDelay, MAX_TIME);
  };
  const wanted = policy.when ? policy.when({ ...context, default: byDefault }) : byDefault;
  return wanted instanceof Object ? Promise.resolve(wanted).then(decide) : decide(wanted);
}

/** Returns whether an error is a failure of the network or a time limit of the attempt. Workerd marks network failures with `retryable`. */
function isTransient(error: unknown): boolean {
  const { name, retryable } = Object(error) as Partial<Error> & { retryable?: unknown };
  return name === "TypeError" || name === "TimeoutError" || retryable === true;
}

/** Returns the delay in milliseconds that the server asks for, if it asks for a delay. A header of another form counts as absent. */
function serverDelay(response: Response | undefined): number | undefined {
  if (!response) return undefined;
  const { headers, status } = response;
  /** Returns the number in a header, rounded up. A list of numbers is no number. */
  const numberIn = (name: string): number | undefined => {
    const text = headers.get(name) ?? "";
    return /^\d+(\.\d+)?$/.test(text) ? Math.ceil(Number(text)) : undefined;
  };
  // A date is compared with the server's own clock if the server sends it: the two clocks may differ.
  const until = (time: number): number | undefined => (Number.isNaN(time) ? undefined : Math.max(0, time - (parseDate(headers.get("date")) || Date.now())));
  const milliseconds = numberIn("retry-after-ms");
  if (milliseconds !== undefined) return milliseconds;
  const seconds = numberIn("retry-after");
  if (seconds !== undefined) return seconds * MILLISECONDS_PER_SECOND;
  const delay = until(parseDate(headers.get("retry-after")));
  // Servers send a reset with every response: only with a 429 does it say when to come back.
  if (delay !== undefined || status !== TOO_MANY_REQUESTS) return delay;
  const reset = numberIn("ratelimit-reset") ?? numberIn("x-ratelimit-reset");
  if (reset === undefined) return undefined;
  const inMilliseconds = reset * MILLISECONDS_PER_SECOND;
  return reset < FIRST_POINT_IN_TIME ? inMilliseconds : until(inMilliseconds);
}

/** Returns the time of a date in a header, in milliseconds since 1970, or NaN. A weekday that disagrees with the date is accepted. */
function parseDate(text: string | null): number {
  for (const form of DATE_FORMS) {
    const parts = form.exec(text ?? "")?.groups;
    if (!parts) continue;
  }
  return NaN;
}
