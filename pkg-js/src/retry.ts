/** Decides whether a failed attempt is followed by another, and after what delay. Sets no timers. */
import { checkItems, checkKind, checkNumber, MAX_TIME, mergeMembers, wrongValue, type MemberRule, type Rule } from "./checks.js";
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

const TOO_MANY_REQUESTS = 429;
const MILLISECONDS_PER_SECOND = 1000;

/** A number of milliseconds in a reset header from here on is a point in time: as a delay it would be 31 years. */
const FIRST_POINT_IN_TIME = 1e12;

/** The years into the future up to which a year of two digits is read. RFC 9110, section 5.6.7. */
const YEARS_AHEAD = 50;

/** A date with a short weekday, with a long weekday (then its year has two digits), and in the order of C's `asctime`. */
const DATE =
  /^(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat)(?:(?:, (?=.. ... .{4} )|(?:|s|nes|rs|ur)day, (?=..-...-.. ))(\d\d).(.{3}).(\d+) (.{8}) GMT| (.{3}) ([ \d]\d) (.{8}) (\d{4}))$/;

/** The rules of the members of `RetryOptions`. */
const RULES: { readonly [member: string]: Rule } = {
  attempts: (name, value) => (value === Infinity ? value : checkNumber(name, value, 0)),
  methods: (name, value) => checkItems(name, checkKind(name, value, ["Array"]), "string").map((method) => method.toUpperCase()),
  statusCodes: (name, value) => checkItems(name, checkKind(name, value, ["Array"]), "number"),
  baseDelay: (name, value) => checkNumber(name, value, 0, MAX_TIME),
  maxDelay: (name, value) => checkNumber(name, value, 0, MAX_TIME, MAX_TIME),
  when: (name, value) => checkKind(name, value, ["function"]),
};

/** Returns the policy of `retry` over `before`; undefined means no retry. */
export function mergeRetry(name: string, retry: unknown, before: RetryPolicy | undefined): RetryPolicy | undefined {
  if (retry === false || retry === 0) return undefined;
  const given = typeof retry === "number" ? { attempts: retry } : retry;
  const check: MemberRule = (path, value, _, member) => RULES[member]?.(path, value);
  return mergeMembers(name, given, before ?? DEFAULTS, Object.keys(RULES), check, "a number of attempts, false or an object");
}

/**
 * Returns the milliseconds until the next attempt, or `NO_RETRY`: a promise if `when` returns a promise.
 *
 * Throws what `when` throws, and a TypeError if `when` returns neither a boolean nor a delay.
 */
export function retryDelay(policy: RetryPolicy, method: string, context: Omit<RetryContext, "default">): number | Promise<number> {
  // The context makes its Request at the first access.
  const { response, error, attempt } = context;
  const { maxDelay, when } = policy;
  const mayPass = response ? policy.statusCodes.includes(response.status) : isTransient(error);
  const byDefault = mayPass && policy.methods.includes(method.toUpperCase());
  const decide = (wanted: unknown): number => {
    if (wanted === true) {
      // A base of 0 times the infinite power of a late attempt is NaN.
      const backOff = Math.random() * Math.min(policy.baseDelay * 2 ** (attempt - 1), maxDelay) || 0;
      return Math.min(serverDelay(response) ?? backOff, maxDelay);
    }
    // A condition such as `response && …` may be undefined or null.
    if (wanted == null || wanted === false) return NO_RETRY;
    if (typeof wanted === "number" && wanted >= 0) return Math.min(wanted, MAX_TIME);
    throw wrongValue(TypeError, "the result of retry.when", wanted, "a boolean or a delay in milliseconds");
  };
  const wanted = when ? when(Object.assign(context, { default: byDefault })) : byDefault;
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
  // A date is compared with the server's own clock if the server sends it: the two clocks may differ.
  const until = (time: number): number => Math.max(0, time - (parseDate(read("date")) || Date.now()));
  // Returns NaN for a header that counts as absent.
  const delayIn = (name: string, unit = MILLISECONDS_PER_SECOND, firstPointInTime = NaN): number => {
    const text = read(name);
    if (!/^\d+(\.\d+)?$/.test(text)) return until(parseDate(text));
    const number = Math.ceil(Number(text)) * unit;
    return number >= firstPointInTime ? until(number) : number;
  };
  const delays = [delayIn("retry-after-ms", 1), delayIn("retry-after")];
  // Servers send a reset with every response: only with a 429 does it say when to come back.
  if (response?.status === TOO_MANY_REQUESTS) {
    for (const name of ["ratelimit-reset", "x-ratelimit-reset"]) {
      delays.push(delayIn(name, MILLISECONDS_PER_SECOND, FIRST_POINT_IN_TIME));
    }
  }
  return delays.find((delay) => delay >= 0);
}

/**
 * Returns the time of a date in a header, in milliseconds since 1970, or NaN.
 *
 * Accepts the three forms of RFC 9110, section 5.6.7, and a weekday that disagrees with the date. The other forms that `Date.parse`
 * accepts differ between engines.
 */
function parseDate(text: string): number {
  const [, day, month, year, time, asctimeMonth, asctimeDay, asctimeTime, asctimeYear] = DATE.exec(text) ?? [];
  let fullYear = Number(year ?? asctimeYear);
  if (fullYear < 100) fullYear += fullYear + 2000 > new Date().getFullYear() + YEARS_AHEAD ? 1900 : 2000;
  const date = `${(day ?? asctimeDay)?.replace(" ", "0")} ${month ?? asctimeMonth} ${fullYear} ${time ?? asctimeTime} GMT`;
  const result = Date.parse(date);
  // Engines accept impossible dates such as 31 February, and words in place of a month.
  return new Date(result).toUTCString().slice(5) === date ? result : NaN;
}
