/** The second argument of fetch: what the standard knows of it, and what only this platform does. */
import type { WaterspoutInit } from "./types.js";

/** The members that building a Request has used up. */
const standard = new Set([
  "attributionReporting",
  "body",
  "browsingTopics",
  "cache",
  "credentials",
  "duplex",
  "headers",
  "integrity",
  "keepalive",
  "method",
  "mode",
  "priority",
  "privateToken",
  "redirect",
  "referrer",
  "referrerPolicy",
  "signal",
  "targetAddressSpace",
  "waterspout",
  "window",
]);

/**
 * The members that only this platform knows (`next`, `cf`, `dispatcher`), for the second argument of its fetch;
 * undefined if there are none.
 */
export function platformInit(request: Request, init: object | undefined): RequestInit | undefined {
  const members = Object.entries(init ?? {}).filter(([name]) => !standard.has(name));
  if (members.length === 0) return undefined;
  // A second argument that is not empty resets these two.
  return { referrer: request.referrer, referrerPolicy: request.referrerPolicy, ...Object.fromEntries(members) };
}

/**
 * `init` with another signal; getters and inherited members are read from `init` as the platform would.
 *
 * A second argument that is not empty resets the referrer of a Request, so that of `input` is given again.
 */
export function withSignal(input: unknown, init: WaterspoutInit | undefined, signal: AbortSignal): WaterspoutInit {
  const members: Record<PropertyKey, unknown> = { signal };
  if (input instanceof Request) {
    members.referrer = input.referrer;
    members.referrerPolicy = input.referrerPolicy;
  }
  const read = (name: PropertyKey): unknown => {
    const own = init === undefined ? undefined : (Reflect.get(init, name, init) as unknown);
    return name === "signal" || own === undefined ? members[name] : own;
  };
  // An empty target: a proxy must not contradict a frozen one.
  return new Proxy({}, { get: (_, name) => read(name), has: (_, name) => read(name) !== undefined });
}
