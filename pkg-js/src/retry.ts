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

/** A number of milliseconds in a reset header from here on is a point in time: as a delay it would be 31 years. */
const FIRST_POINT_IN_TIME = 1e12;

/** The years into the future up to which a year of two digits is read. RFC 9110, section 5.6.7. */
const YEARS_AHEAD = 50;

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
export function retryDelay(policy: RetryPolicy, method: string, context: Omit<RetryContext, "default">): number | Promise<number> {
  // The context makes its Request at the first access.
  const { response, error, attempt } = context;
  const mayPass = response ? policy.statusCodes.includes(response.status) : isTransient(error);
  const byDefault = mayPass && policy.methods.includes(method.toUpperCase());
  const decide = (wanted: unknown): number => {
    // A condition such as `response && …` may be undefined or null.
    if (wanted == null || wanted === false) return NO_RETRY;
    if (wanted !== true) return Math.min(checkKind("the result of retry.when", wanted, DELAY) as number, MAX_TIME);
    const longest = Math.min(policy.baseDelay * 2 ** (attempt - 1), policy.maxDelay, MAX_TIME);
    // A base of 0 times the infinite power of a late attempt is NaN.
    return Math.min(serverDelay(response) ?? (Math.random() * longest || 0), policy.maxDelay, MAX_TIME);
  };
  const wanted = policy.when ? policy.when(Object.assign(context, { default: byDefault })) : byDefault;
  return Object(wanted) === wanted ? Promise.resolve(wanted).then(decide) : decide(wanted);
}

/** Returns whether an error is a failure of the network or a time limit of the attempt. Workerd marks network failures with `retryable`. */
function isTransient(error: unknown): boolean {
  const { name, retryable } = Object(error) as Partial<Error> & { retryable?: unknown };
  return name === "TypeError" || name === "TimeoutError" || retryable === true;
}

/**
 * Returns the delay in milliseconds that the server asks for, if it asks for a delay.
 *
 * A header in another form than a number or a date counts as absent, also a list of numbers.
 */
function serverDelay(response: Response | undefined): number | undefined {
  // A `fetch` of the caller's may return an object without headers.
  const read = (name: string): string => response?.headers?.get(name) ?? "";
  const numberIn = (name: string, unit: number): number | undefined => {
    const text = read(name);
    return /^\d+(\.\d+)?$/.test(text) ? Math.ceil(Number(text)) * unit : undefined;
  };
  const until = (time: number = NaN): number | undefined => {
    // A date is compared with the server's own clock if the server sends it: the two clocks may differ.
    const left = time - (parseDate(read("date")) || Date.now());
    return Number.isNaN(left) ? undefined : Math.max(0, left);
  };
  const delay = numberIn("retry-after-ms", 1) ?? numberIn("retry-after", MILLISECONDS_PER_SECOND) ?? until(parseDate(read("retry-after")));
  // Servers send a reset with every response: only with a 429 does it say when to come back.
  if (delay !== undefined || response?.status !== TOO_MANY_REQUESTS) return delay;
  const reset = numberIn("ratelimit-reset", MILLISECONDS_PER_SECOND) ?? numberIn("x-ratelimit-reset", MILLISECONDS_PER_SECOND);
  return Number(reset) < FIRST_POINT_IN_TIME ? reset : until(reset);
}

/**
 * Returns the time of a date in a header, in milliseconds since 1970, or NaN.
 *
 * Accepts the three forms of RFC 9110, section 5.6.7, and a weekday that disagrees with the date. The other forms that `Date.parse`
 * accepts differ between engines.
 */
function parseDate(text: string): number {
  const date = text
    // RFC 850: `Sunday, 06-Nov-94 08:49:37 GMT`.
    .replace(/^(?:Sun|Mon|Tues|Wednes|Thurs|Fri|Satur)day, (\d\d)-(.{3})-(\d\d)/, (_, day: string, month: string, year: string) => {
      const inThisCentury = 2000 + Number(year);
      return `Sun, ${day} ${month} ${inThisCentury - (inThisCentury > new Date().getFullYear() + YEARS_AHEAD ? 100 : 0)}`;
    })
    // asctime: `Sun Nov  6 08:49:37 1994`.
    .replace(/^(.{3}) (.{3}) ([ \d])(\d) (.{8}) (\d{4})$/, (_, weekday, month, ten, day, time, year) => `${weekday}, ${ten.trim() || 0}${day} ${month} ${year} ${time} GMT`)
    .replace(/^(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat), /, "Sun, ");
  const time = Date.parse(date);
  // `toUTCString` writes the first form, IMF-fixdate: any difference means that the text has another form or an impossible date.
  return new Date(time).toUTCString().replace(/^.{3}/, "Sun") === date ? time : NaN;
}
