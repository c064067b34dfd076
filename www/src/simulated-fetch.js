/** A fetch function without a network. It answers as the demo server does, for hosts that serve only files. */
import { delay } from "./delay.js";
import { simulatedEvents } from "./simulated-events.js";

/** The number of failures so far for each key. @type {Map<string, number>} */
const failures = new Map();
/** The number of requests of each group that wait for their response heads. @type {Map<string, number>} */
const busy = new Map();

/** @type {typeof fetch} */
export async function simulatedFetch(input, init) {
  const request = new Request(input, init);
  const { pathname, searchParams: query } = new URL(request.url);
  return pathname.endsWith("/events") ? simulatedEvents(request, query) : slowResponse(request, query);
}

/**
 * Answers after the latency of the query. A group that is at its capacity is answered at once, with an error status.
 *
 * @param {Request} request
 * @param {URLSearchParams} query
 */
async function slowResponse({ signal }, query) {
  const number = (/** @type {string} */ name) => Number(query.get(name) ?? 0);
  const group = query.get("group") ?? "";
  const active = busy.get(group) ?? 0;
  if (group && active >= number("capacity")) return createResponse(true, query, signal);
  const isFailing = countFailure(query.get("key"), number("fail"));
  busy.set(group, active + 1);
  try {
    await delay(number("head"), signal);
  } finally {
    busy.set(group, (busy.get(group) ?? 1) - 1);
  }
  return createResponse(isFailing, query, signal);
}

/**
 * Returns whether a request fails: the first requests of a key fail, then a request succeeds and the count starts
 * again.
 *
 * @param {string | null} key
 * @param {number} count the number of requests that fail
 */
function countFailure(key, count) {
  if (key === null) return count > 0;
  const before = failures.get(key) ?? 0;
  if (before >= count) {
    failures.delete(key);
    return false;
  }
  failures.set(key, before + 1);
  return true;
}

/**
 * Returns a response with the body that the query describes; a failing response has the status 503.
 *
 * @param {boolean} isFailing
 * @param {URLSearchParams} query
 * @param {AbortSignal} signal
 */
function createResponse(isFailing, query, signal) {
  const number = (/** @type {string} */ name) => Number(query.get(name) ?? 0);
  let chunksLeft = number("chunks");
  let isFirst = true;
  const body = new ReadableStream({
    start(controller) {
      signal.addEventListener("abort", () => controller.error(signal.reason), { once: true });
    },
    async pull(controller) {
      if (chunksLeft === 0) return controller.close();
      // The first chunk arrives together with the response head.
      if (!isFirst) await delay(number("gap"), signal);
      isFirst = false;
      chunksLeft -= 1;
      controller.enqueue(new Uint8Array(number("size")));
    },
  });
  const status = isFailing ? { status: 503, statusText: "Service Unavailable" } : { status: 200, statusText: "OK" };
  return new Response(body, status);
}
