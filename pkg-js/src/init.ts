/** The second argument of fetch: the members of the Fetch standard, and the members that only the present platform knows. */
import type { HeadersOption, WaterspoutInit } from "./types.js";

/** The members that the constructor of Request reads, without `referrer`, and `waterspout`. */
const STANDARD_MEMBERS =
  "attributionReporting body browsingTopics cache credentials duplex headers integrity keepalive method mode priority privateToken redirect referrerPolicy signal targetAddressSpace waterspout window".split(
    " ",
  );

/**
 * Returns the members that only the platform knows (`next`, `cf`, `dispatcher`), for the second argument of its fetch.
 *
 * Returns undefined if there are none.
 */
export function platformInit(request: Request, init: object | undefined): RequestInit | undefined {
  let platformMembers: Record<string, unknown> | undefined;
  for (const name of Object.keys(init ?? {})) {
    if (STANDARD_MEMBERS.includes(name)) continue;
    // A second argument that is not empty resets these two members of the Request, and Node 24 forgets a Request's referrer. The
    // standard members are not read again: they may be getters, and the constructor of Request has read them.
    platformMembers ??= { referrer: request.referrer, referrerPolicy: request.referrerPolicy };
    platformMembers[name] ??= Reflect.get(init as object, name);
  }
  return platformMembers;
}

/**
 * Returns `init` with the members of `overrides` in place of its own. Getters and inherited members are read from `init` as the
 * platform reads them.
 *
 * A second argument that is not empty resets the referrer of a Request, so the referrer of `input` is set again. The method is
 * set again too: Bun reads a proxy without a method as GET.
 */
export function initWith(input: unknown, init: WaterspoutInit | undefined, overrides: Record<string, unknown>): RequestInit {
  const inherited: Record<PropertyKey, unknown> = {};
  if (isRequest(input)) {
    inherited.method = input.method;
    inherited.referrer = input.referrer;
    inherited.referrerPolicy = input.referrerPolicy;
  }
  const read = (name: PropertyKey): unknown => {
    if (name in overrides) return overrides[name as string];
    const own = init ? (Reflect.get(init, name, init) as unknown) : undefined;
    return own === undefined ? inherited[name] : own;
  };
  // The target is an empty object: a proxy of a frozen `init` must not report values that differ from it.
  return new Proxy({}, { get: (_, name) => read(name), has: (_, name) => read(name) !== undefined });
}

/** Returns a copy of `init` for a `fetch` of the caller's own: all members that are set, without `waterspout`. */
export function copyInit(init: WaterspoutInit | undefined): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  if (!init) return copy;
  // Standard members may be getters or inherited.
  for (const name of new Set([...STANDARD_MEMBERS, "referrer", ...Object.keys(init)])) {
    const value: unknown = name !== "waterspout" ? Reflect.get(init, name) : undefined;
    if (value !== undefined) copy[name] = value;
  }
  return copy;
}

/** Returns whether `init` has no member but a signal, the options of this package, and the method GET. */
export function hasOnlySignal(init: WaterspoutInit | null | undefined): boolean {
  // A getter is not read: only the platform reads it.
  const isGet = (): boolean => Object.getOwnPropertyDescriptor(init, "method")?.value === "GET";
  const isPlain = (name: string): boolean => name === "signal" || name === "waterspout" || (name === "method" && isGet());
  return !init || (Object.getPrototypeOf(init) === Object.prototype && Object.keys(init).every(isPlain));
}

/** Returns the base of the URLs of a page or a worker. */
export function documentBase(): string | undefined {
  return globalThis.document?.baseURI ?? globalThis.location?.href;
}

/** Returns a URL as the platform's fetch resolves it. Returns undefined if its Request is needed to check the URL. */
export function checkedUrl(url: string): string | undefined {
  try {
    const { href, username, password } = new URL(url, documentBase());
    return username || password ? undefined : href;
  } catch {
    return undefined;
  }
}

/** Returns whether `value` is a Request, of any realm. */
export function isRequest(value: unknown): value is Request {
  if (Object(value) !== value) return false;
  try {
    // The getter refuses all other objects.
    return Reflect.get(Request.prototype, "method", value) !== undefined;
  } catch {
    return false;
  }
}

/** Returns the names, in lower case, that a plain object of headers sets to undefined. */
export function removedHeaders(headers: HeadersOption | undefined): string[] {
  return Object.entries(headers ?? {}).flatMap(([name, value]) => (value === undefined ? name.toLowerCase() : []));
}

/** Returns `headers` without the members of a plain object that are undefined. */
export function definedHeaders(headers: HeadersOption | undefined): HeadersInit | undefined {
  if (removedHeaders(headers).length === 0) return headers as HeadersInit | undefined;
  return Object.fromEntries(Object.entries(headers as object).filter(([, value]) => value !== undefined)) as HeadersInit;
}

export function isPromise<Value>(value: Value | Promise<Value>): value is Promise<Value> {
  return typeof (value as Partial<Promise<unknown>> | null | undefined)?.then === "function";
}
