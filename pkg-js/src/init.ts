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

/** `init` with another signal; getters and inherited members are read from `init` as the platform would. */
export function withSignal(init: WaterspoutInit | undefined, signal: AbortSignal): WaterspoutInit {
  const target: WaterspoutInit = init ?? {};
  return new Proxy(target, {
    get: (target, name) => (name === "signal" ? signal : (Reflect.get(target, name, target) as unknown)),
    has: (target, name) => name === "signal" || Reflect.has(target, name),
  });
}
