/** A fetch without a network: it answers as the demo server does, for hosts that serve only files. */
import { pause } from "./delay.js";
import { simulatedEvents } from "./simulated-events.js";

/** How often each key has failed so far. @type {Map<string, number>} */
const failures = new Map();
/** How many of each group wait for their heads. @type {Map<string, number>} */
const busy = new Map();

/** @type {typeof fetch} */
export async function simulate(input, init) {
  const request = new Request(input, init);
  const { pathname, searchParams: query } = new URL(request.url);
  return pathname.endsWith("/events") ? simulatedEvents(request, query) : slow(request, query);
}

/**
 * @param {Request} request
 * @param {URLSearchParams} query
 */
async function slow({ signal }, query) {
  const number = (/** @type {string} */ name) => Number(query.get(name) ?? 0);
  const group = query.get("group") ?? "";
  const taken = busy.get(group) ?? 0;
  if (group && taken >= number("capacity")) return answer(true, query, signal);
  const fails = doesFail(query.get("key"), number("fail"));
  busy.set(group, taken + 1);
  try {
    await pause(number("head"), signal);
  } finally {
    busy.set(group, (busy.get(group) ?? 1) - 1);
  }
  return answer(fails, query, signal);
}

/**
 * The first requests of a key fail; after them all begins anew.
 *
 * @param {string | null} key
 * @param {number} most
 */
function doesFail(key, most) {
  if (key === null) return most > 0;
  const before = failures.get(key) ?? 0;
  if (before >= most) {
    failures.delete(key);
    return false;
  }
  failures.set(key, before + 1);
  return true;
}

/**
 * @param {boolean} fails
 * @param {URLSearchParams} query
 * @param {AbortSignal} signal
 */
function answer(fails, query, signal) {
  const number = (/** @type {string} */ name) => Number(query.get(name) ?? 0);
  let left = number("chunks");
  let first = true;
  const body = new ReadableStream({
    start(controller) {
      signal.addEventListener("abort", () => controller.error(signal.reason), { once: true });
    },
    async pull(controller) {
      if (left === 0) return controller.close();
      // The first chunk comes with the head.
      if (!first) await pause(number("gap"), signal);
      first = false;
      left -= 1;
      controller.enqueue(new Uint8Array(number("size")));
    },
  });
  const [status, statusText] = fails ? [503, "Service Unavailable"] : [200, "OK"];
  return new Response(body, { status, statusText });
}
