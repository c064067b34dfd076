/** Options of clients and requests: a request's options are merged over its client's. */
import { checkKind, checkLimit, checkMembers, checkNumber, FUNCTION, MAX_COUNT, MAX_TIME, OBJECT, type Kind } from "./checks.js";
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
  Hooks,
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

/** The names of the members of `FetchOptions`: options of a request. */
export const REQUEST_OPTIONS: readonly string[] = "timeout priority retry throwHttpErrors slot onDownloadProgress onUploadProgress hooks".split(" ");

/** The names of the members of `ExtendOptions`: options of a client that do not belong to its queue. */
export const CLIENT_OPTIONS: readonly string[] = [...REQUEST_OPTIONS, "baseUrl", "headers", "searchParams", "fetch", "fallback"];

/** The names of the options that belong to the queue. */
export const QUEUE_OPTIONS: readonly string[] = ["maxActive", "maxActivePerOrigin", "maxQueued", "rateLimit", "rateLimitPerOrigin"];

/** The defaults of a client. The platform's fetch has no time limits, so a replacement for it has none by default. */
export const DEFAULTS: Options = {
  baseUrl: undefined,
  headers: undefined,
  searchParams: [],
  priority: 0,
  timeouts: { queue: 0, head: 0, idle: 0, request: 0, total: 0 },
  retry: undefined,
  throwHttpErrors: false,
  slot: undefined,
  hooks: { beforeRequest: [], beforeRetry: [], afterResponse: [], onError: [] },
  onDownloadProgress: undefined,
  onUploadProgress: undefined,
  fetch: undefined,
  fallback: undefined,
};

const DEFAULT_MAX_ACTIVE = 10;
const MIN_PRIORITY = -32768;
const MAX_PRIORITY = 32767;
const NANOSECONDS_PER_MILLISECOND = 1e6;
const PAIR: Kind = [(value) => Array.isArray(value) && value.length === 2, "a pair of name and value"];
const PARAM: Kind = [(value) => Object(value) !== value, "a text, a number or a boolean, or an array of these"];
const HOOKS = Object.keys(DEFAULTS.hooks) as (keyof AllHooks)[];
const TIMEOUTS = Object.keys(DEFAULTS.timeouts) as (keyof Timeouts)[];

/** The options that are checked and then replace their defaults. */
const KINDS: { readonly [name: string]: Kind } = {
  baseUrl: [(value) => typeof value === "string" || typeof Object(value).href === "string", "a text or a URL object"],
  throwHttpErrors: [(value) => typeof value === "boolean", "true or false"],
  slot: [(value) => value === "head" || value === "body", '"head" or "body"'],
  onDownloadProgress: FUNCTION,
  onUploadProgress: FUNCTION,
  fetch: FUNCTION,
  fallback: FUNCTION,
};

/**
 * Returns the options of `given` over `defaults`.
 *
 * Throws a TypeError for a member that is not in `known`. Names it as a member of `name`. Runs for each request that has options.
 */
export function mergeOptions(name: string, given: object | undefined, known: readonly string[], defaults: Options): Options {
  if (given === undefined) return defaults;
  const options = checkMembers<ClientOptions>(name, given, known);
  const { priority, timeout, retry, hooks, headers, searchParams } = options;
  const merged = { ...defaults };
  for (const option in KINDS) {
    const value = options[option as keyof ClientOptions];
    if (value !== undefined) Object.assign(merged, { [option]: checkKind(option, value, KINDS[option] as Kind) });
  }
  if (priority !== undefined) merged.priority = checkNumber("priority", priority, MIN_PRIORITY, MAX_PRIORITY);
  if (timeout !== undefined) merged.timeouts = mergeTimeouts(timeout, defaults.timeouts);
  if (retry !== undefined) merged.retry = mergeRetry(retry, defaults.retry);
  if (hooks !== undefined) merged.hooks = mergeHooks(hooks, defaults.hooks);
  if (headers !== undefined) merged.headers = mergeHeaders(headers, defaults.headers);
  if (searchParams !== undefined) merged.searchParams = addMissing(pairs(searchParams), defaults.searchParams);
  return merged;
}

/** Returns the time limits of `timeout` over `defaults`. */
function mergeTimeouts(timeout: number | false | Timeouts, defaults: AllTimeouts): AllTimeouts {
  if (timeout === false) return DEFAULTS.timeouts;
  const isNumber = typeof timeout === "number";
  const given = isNumber ? { request: timeout } : checkMembers("timeout", timeout, TIMEOUTS, `a number of milliseconds, false, or an object of ${TIMEOUTS.join(", ")}`);
  const timeouts = { ...defaults };
  for (const name of TIMEOUTS) {
    const limit = given[name];
    if (limit !== undefined) timeouts[name] = checkLimit(isNumber ? "timeout" : `timeout.${name}`, limit, 0, 0, false);
  }
  return timeouts;
}

/** Returns `hooks` after `defaults`. */
function mergeHooks(hooks: Hooks, defaults: AllHooks): AllHooks {
  checkMembers("hooks", hooks, HOOKS);
  const merged: Record<string, readonly unknown[]> = { ...defaults };
  for (const name of HOOKS) {
    const added = [hooks[name] ?? []].flat();
    for (const hook of added) checkKind(`hooks.${name}`, hook, FUNCTION);
    merged[name] = [...defaults[name], ...added];
  }
  return merged as unknown as AllHooks;
}

/** Returns `given` over `defaults`. A member `undefined` of a plain object removes the default of its name. */
export function mergeHeaders(given: HeadersOption, defaults: Headers | undefined): Headers {
  const entries = entriesOf("headers", given);
  const own = new Headers(entries.filter(([, value]) => value !== undefined) as [string, string][]);
  const merged = new Headers(defaults);
  for (const [name] of entries) merged.delete(name as string);
  own.forEach((value, name) => merged.append(name, value));
  return merged;
}

/** Returns `given`, and those pairs of `defaults` whose names `given` does not have. */
export function addMissing(given: Options["searchParams"], defaults: Options["searchParams"]): Options["searchParams"] {
  return [...given, ...defaults.filter(([name]) => !given.some(([own]) => own === name))];
}

/** Returns the pairs of a query or a form. Leaves out values that are undefined or null. */
export function pairs(params: SearchParams | undefined, option = "searchParams"): [name: string, value: string][] {
  const result: [string, string][] = [];
  const entries = typeof params === "string" ? new URLSearchParams(params) : entriesOf(option, params ?? []);
  for (const [name, value] of entries) {
    for (const item of [value].flat()) {
      if (item == null) continue;
      checkKind(`${option}.${String(name)}`, item, PARAM);
      result.push([String(name), String(item)]);
    }
  }
  return result;
}

/** Returns the entries of an iterable of pairs, or of another object. */
function entriesOf(option: string, value: unknown): unknown[][] {
  checkKind(option, value, OBJECT);
  const object = value as object;
  const entries = Symbol.iterator in object ? [...(object as Iterable<unknown[]>)] : Object.entries(object);
  for (const pair of entries) checkKind(`a member of ${option}`, pair, PAIR);
  return entries;
}

/** Returns the settings of the queue, in the order of the core's function `create`. */
export function queueSettings(options: ClientOptions): ClientSettings {
  const { maxActive = DEFAULT_MAX_ACTIVE, maxActivePerOrigin = false, maxQueued = false, rateLimit = false, rateLimitPerOrigin = false } = options;
  return [
    checkLimit("maxActive", maxActive, 1, MAX_COUNT),
    checkLimit("maxActivePerOrigin", maxActivePerOrigin, 1, NO_LIMIT),
    checkLimit("maxQueued", maxQueued, 0, UNLIMITED_QUEUE),
    ...rateSettings("rateLimit", rateLimit),
    ...rateSettings("rateLimitPerOrigin", rateLimitPerOrigin),
  ];
}

/** Returns a rate in the form of the core's settings; zeros mean no limit. */
function rateSettings(name: string, rate: Rate | false): [requests: number, per: number, burst: number] {
  if (rate === false) return [NO_LIMIT, 0, 0];
  const { requests, per, burst = requests } = checkMembers(name, rate, ["requests", "per", "burst"], "an object { requests, per }, or false for no limit");
  if (requests === Infinity) return [NO_LIMIT, 0, 0];
  const count = checkNumber(`${name}.requests`, requests, 1);
  // The core counts in nanoseconds: less than a nanosecond for each request would be no limit.
  const shortest = count / NANOSECONDS_PER_MILLISECOND;
  return [count, checkNumber(`${name}.per`, per, shortest, MAX_TIME, false), checkNumber(`${name}.burst`, burst, 1)];
}
