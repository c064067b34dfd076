/** A stand-in for the global fetch, which records the requests and answers them from a function. */
import { setImmediate } from "node:timers/promises";

/**
 * Returns `{ fetch, sent, peak, answer }`: `sent` has each request as `{ method, url, path, headers, text, init }`, and `peak` is the largest
 * number of requests without a response at the same time.
 *
 * `answer` gets the record and the number of the request. An abort rejects as with the platform's fetch.
 */
export function newNetwork(answer) {
  const network = { sent: [], peak: 0, fetch, answer };
  let running = 0;

  async function fetch(input, init) {
    const request = new Request(input, init);
    const { method, url, headers, signal } = request;
    signal.throwIfAborted();
    const record = { method, url, path: url.replace(/^https:\/\/[^/]*/, ""), headers: Object.fromEntries(headers), init };
    network.sent.push(record);
    network.peak = Math.max(network.peak, ++running);
    const aborted = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    aborted.catch(() => undefined);
    try {
      return await Promise.race([respond(request, record, network.sent.length), aborted]);
    } finally {
      running -= 1;
    }
  }

  async function respond(request, record, count) {
    record.text = await request.text();
    // A response never comes within the turn of its request.
    await setImmediate();
    return network.answer(record, count);
  }

  return network;
}

/** Returns a response of server-sent events. */
export function eventStream(...frames) {
  return new Response(frames.map((frame) => `${frame}\n\n`).join(""), { headers: { "content-type": "text/event-stream" } });
}
