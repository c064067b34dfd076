/** Options of clients and requests: a request's options are merged over its client's. */
import { checkItems, checkKind, checkNumber, MAX_COUNT, MAX_TIME, mergeMembers, type Rule } from "./checks.js";
import type { ClientSettings } from "./core.js";
import { NO_LIMIT, UNLIMITED_QUEUE } from "./protocol.js";
import { mergeRetry, type RetryPolicy } from "./retry.js";
import type {
  AfterResponseHook,
  BeforeRequestHook,
  BeforeRetryHook,
  ClientOptions,
  FetchOptions,
  HeadersOption,
  OnErrorHook,
  Rate,
  SearchParams,
  Timeouts,
} from "./types.js";

/** All time limits in milliseconds; 0 means no limit. */
export type AllTimeouts = Record<keyof Timeouts, number>;

/** The hooks in the order of their calls. */
export interface AllHooks {
  readonly beforeRequest: readonly BeforeRequestHook[];
  readonly beforeRetry: readonly BeforeRetryHook[];
  readonly afterResponse: readonly AfterResponseHook[];
  readonly onError: readonly OnErrorHook[];
}

/** Options with all defaults filled in. */
export interface Options {
  baseUrl: string | URL | undefined;
  headers: Headers | undefined;
  searchParams: readonly (readonly [name: string, value: string])[];
  priority: number;
  timeouts: AllTimeouts;
  /** Undefined means no retry. */
  retry: RetryPolicy | undefined;
  /** The same as `timeouts`, under the name of the option. */
  timeout: AllTimeouts;
  throwHttpErrors: boolean;
  /** Undefined means the default of the function that was called. */
  slot: FetchOptions["slot"];
  hooks: AllHooks;
  onDownloadProgress: FetchOptions["onDownloadProgress"];
  onUploadProgress: FetchOptions["onUploadProgress"];
  /** Undefined means the platform's fetch, looked up at each request. */
  fetch: typeof globalThis.fetch | undefined;
  fallback: typeof globalThis.fetch | undefined;
}

const NO_LIMITS: AllTimeouts = { queue: 0, head: 0, idle: 0, request: 0, total: 0 };

/** The defaults of a client. The platform's fetch has no time limits, so a replacement for it has none by default. */
export const DEFAULTS: Options = {
  searchParams: [],
  priority: 0,
  timeout: NO_LIMITS,
  timeouts: NO_LIMITS,
  // These two are present, because engines are slow when a copy of an object gets a further member.
  retry: undefined,
  slot: undefined,
  throwHttpErrors: false,
  hooks: { beforeRequest: [], beforeRetry: [], afterResponse: [], onError: [] },
} as Partial<Options> as Options;

const DEFAULT_MAX_ACTIVE = 10;
const MIN_PRIORITY = -32768;
const MAX_PRIORITY = 32767;
const NANOSECONDS_PER_MILLISECOND = 1e6;

/** Returns the rule of values of these kinds, which replace the value before. */
const oneOf = (...kinds: string[]): Rule => (name, value) => checkKind(name, value, kinds);
const aFunction = oneOf("function");

/** Returns the hooks `before`, and then the hook or the hooks of `added`. */
const appendHooks: Rule = (name, added, before) => [...before, ...checkItems(name, added, "function")];

/** The rules of the options of a request. */
const REQUEST_RULES: { readonly [name: string]: Rule } = {
  timeout: mergeTimeouts,
  priority: (name, value) => checkNumber(name, value, MIN_PRIORITY, MAX_PRIORITY),
  retry: mergeRetry,
  throwHttpErrors: oneOf("boolean"),
  slot: (name, value) => checkKind(name, value, value === "head" || value === "body" ? ["string"] : [], '"head" or "body"'),
  onDownloadProgress: aFunction,
  onUploadProgress: aFunction,
  hooks: (name, value, before) => mergeMembers(name, value, before, Object.keys(before), appendHooks),
};

/** The rules of the options of a client that do not belong to its queue. */
const RULES: typeof REQUEST_RULES = {
  ...REQUEST_RULES,
  baseUrl: oneOf("string", "URL"),
  headers: (name, value, before) => mergeHeaders(value, before, name),
  searchParams: (name, value, before) => addMissing(pairs(value, name), before),
  fetch: aFunction,
  fallback: aFunction,
};

/** The names of the members of `FetchOptions`: options of a request. */
export const REQUEST_OPTIONS: readonly string[] = Object.keys(REQUEST_RULES);

/** The names of the members of `ExtendOptions`: options of a client that do not belong to its queue. */
export const CLIENT_OPTIONS: readonly string[] = Object.keys(RULES);

/** The rules of the options that belong to the queue, in the order of the core's settings. */
const QUEUE_RULES: { readonly [name: string]: Rule } = {
  maxActive: (name, value = DEFAULT_MAX_ACTIVE) => checkNumber(name, value, 1, MAX_COUNT, MAX_COUNT),
  maxActivePerOrigin: (name, value = false) => checkNumber(name, value, 1, MAX_COUNT, NO_LIMIT),
  maxQueued: (name, value = false) => checkNumber(name, value, 0, MAX_COUNT, UNLIMITED_QUEUE),
  rateLimit: rateSettings,
  rateLimitPerOrigin: rateSettings,
};

/** The names of the options that belong to the queue. */
export const QUEUE_OPTIONS: readonly string[] = Object.keys(QUEUE_RULES);

/**
 * Returns the options of `given` over `defaults`.
 *
 * Throws a TypeError for a member that is not in `known`. Names it as a member of `name`. Runs for each request that has options.
 */
export function mergeOptions(name: string, given: object | undefined, known: readonly string[], defaults: Options): Options {
  if (given === undefined) return defaults;
  const merged = mergeMembers(name, given, defaults, known, (path, value, before, option) => RULES[option]?.(path, value, before));
  merged.timeouts = merged.timeout;
  return merged;
}

/** Returns the time limits of `timeout` over `before`. */
function mergeTimeouts(name: string, timeout: unknown, before: AllTimeouts): AllTimeouts {
  if (timeout === false) return NO_LIMITS;
  const given = typeof timeout === "number" ? { request: timeout } : timeout;
  const checkLimit: Rule = (path, limit) => checkNumber(path, limit, 0, Infinity, 0);
  return mergeMembers(name, given, before, Object.keys(before), checkLimit, "a number of milliseconds, false or an object");
}

/** Returns `given` over `defaults`. A member `undefined` of a plain object removes the default of its name. */
function mergeHeaders(given: HeadersOption, defaults: Headers | undefined, option = "headers"): Headers {
  const entries = entriesOf(option, given);
  const own = new Headers(entries.filter(([, value]) => value !== undefined) as [string, string][]);
  const merged = new Headers(defaults);
  for (const [name] of entries) merged.delete(name as string);
  own.forEach((value, name) => merged.append(name, value));
  return merged;
}

/** Returns `given`, and the pairs of `defaults` whose names `given` does not have. */
function addMissing(given: Options["searchParams"], defaults: Options["searchParams"]): Options["searchParams"] {
  return [...given, ...defaults.filter(([name]) => !given.some(([own]) => own === name))];
}

/** Returns the pairs of a query or a form. Leaves out values that are undefined or null. */
export function pairs(params: SearchParams | undefined, option = "searchParams"): [name: string, value: string][] {
  const result: [string, string][] = [];
  const entries = typeof params === "string" ? new URLSearchParams(params) : entriesOf(option, params ?? []);
  for (const [name, value] of entries) {
    for (const item of [value].flat()) {
      if (item == null) continue;
      checkKind(`${option}.${String(name)}`, item, ["string", "number", "boolean", "bigint"]);
      result.push([String(name), String(item)]);
    }
  }
  return result;
}

/** Returns the entries of an iterable of pairs, or of another object. */
function entriesOf(option: string, value: unknown): unknown[][] {
  checkKind(option, value, ["object"]);
  const object = value as object;
  const entries = Symbol.iterator in object ? [...(object as Iterable<unknown[]>)] : Object.entries(object);
  for (const pair of entries) {
    checkKind(`a member of ${option}`, pair, pair?.length === 2 ? ["Array"] : [], "a pair of name and value");
  }
  return entries;
}

/** Returns the settings of the queue, in the order of the core's function `create`. */
export function queueSettings(options: ClientOptions): ClientSettings {
  const settings = Object.entries(QUEUE_RULES).map(([name, rule]) => rule(`options.${name}`, options[name as keyof ClientOptions]));
  return settings.flat() as ClientSettings;
}

/** Returns a rate in the form of the core's settings; zeros mean no limit. */
function rateSettings(name: string, rate: Rate | false = false): [requests: number, per: number, burst: number] {
  if (rate === false) return [NO_LIMIT, 0, 0];
  const members = ["requests", "per", "burst"];
  const { requests, per, burst = requests } = mergeMembers(name, rate, {} as Rate, members, (_, value) => value, "{ requests, per } or false");
  if (requests === Infinity) return [NO_LIMIT, 0, 0];
  const count = checkNumber(`${name}.requests`, requests, 1);
  // The core counts in nanoseconds: less than a nanosecond for each request would be no limit.
  const shortest = count / NANOSECONDS_PER_MILLISECOND;
  return [count, checkNumber(`${name}.per`, per, shortest, MAX_TIME), checkNumber(`${name}.burst`, burst, 1)];
}
