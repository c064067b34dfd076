/** The second argument of fetch: what the standard knows of it, and what only this platform does. */
import type { WaterspoutInit } from "./types.js";

/** The members that building a Request has used up, and ours; but the referrer. */
const standard =
  "attributionReporting body browsingTopics cache credentials duplex headers integrity keepalive method mode priority privateToken redirect referrerPolicy signal targetAddressSpace waterspout window".split(
    " ",
  );

/**
 * The members that only this platform knows (`next`, `cf`, `dispatcher`), for the second argument of its fetch;
 * undefined if there are none.
 */
export function platformInit(request: Request, init: object | undefined): RequestInit | undefined {
  let extra: Record<string, unknown> | undefined;
  for (const name of Object.keys(init ?? {})) {
    if (standard.includes(name)) continue;
    // A second argument that is not empty resets these two; and Node 24 forgets the referrer of a Request. No other member is read:
    // it may be a getter, and was asked before.
    extra ??= { referrer: request.referrer, referrerPolicy: request.referrerPolicy };
    extra[name] ??= Reflect.get(init as object, name);
  }
  return extra;
}

/**
 * `init` with other members; getters and inherited members are read from `init` as the platform would.
 *
 * A second argument that is not empty resets the referrer of a Request, so that of `input` is given again. So is the method:
 * Bun takes a proxy without one for a wish for GET.
 */
export function withMembers(input: unknown, init: WaterspoutInit | undefined, set: Record<string, unknown>): RequestInit {
  const before: Record<PropertyKey, unknown> = {};
  if (input instanceof Request) {
    before.method = input.method;
    before.referrer = input.referrer;
    before.referrerPolicy = input.referrerPolicy;
  }
  const read = (name: PropertyKey): unknown => {
    if (name in set) return set[name as string];
    const own = init ? (Reflect.get(init, name, init) as unknown) : undefined;
    return own === undefined ? before[name] : own;
  };
  // An empty target: a proxy must not contradict a frozen one.
  return new Proxy({}, { get: (_, name) => read(name), has: (_, name) => read(name) !== undefined });
}

/** The URL of a call that says so little that a Request would have nothing against it; undefined if only a Request can tell. */
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

/** The signal of the caller's, if there is one. */
export function callersSignal(input: unknown, init: WaterspoutInit | undefined): AbortSignal | undefined {
  const inherited = input instanceof Request ? input.signal : undefined;
  return (init?.signal === undefined ? inherited : init.signal) ?? undefined;
}
