/** The second argument of fetch: the members of the Fetch standard, and the members that only the present platform knows. */
import type { WaterspoutInit } from "./types.js";

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
  if (input instanceof Request) {
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

/**
 * Returns the URL of a call whose arguments are so simple that no Request is needed to check them: a text or a URL, and at
 * most a signal. Returns undefined for all other calls.
 */
export function plainUrl(input: unknown, init: object | null | undefined): string | undefined {
  const isPlain = !init || (Object.getPrototypeOf(init) === Object.prototype && Object.keys(init).every((name) => name === "signal" || name === "waterspout"));
  if (!isPlain || !(typeof input === "string" || input instanceof URL)) return undefined;
  try {
    const { href, username, password } = new URL(input, globalThis.document?.baseURI ?? globalThis.location?.href);
    return username || password ? undefined : href;
  } catch {
    return undefined;
  }
}

/** Returns the caller's signal, from `init` or from a Request. */
export function callerSignal(input: unknown, init: WaterspoutInit | undefined): AbortSignal | undefined {
  const inherited = input instanceof Request ? input.signal : undefined;
  return (init?.signal === undefined ? inherited : init.signal) ?? undefined;
}
