/** Server-sent events without a server. Each connection sends a few events and ends; the next connection continues after them. */
import { delay } from "./delay.js";

/**
 * Answers a request for events as the demo server does. The query has these parameters: `total`, the number of all
 * events; `burst`, the number of events per connection; `gap`, milliseconds before each event; `retry`, the delay in
 * milliseconds that the server asks for before a reconnect. After the last event the answer is status 204.
 *
 * @param {Request} request
 * @param {URLSearchParams} query
 */
export function simulatedEvents({ headers, signal }, query) {
  const number = (/** @type {string} */ name) => Number(query.get(name) ?? 0);
  let id = Number(headers.get("last-event-id") ?? 0);
  const lastId = Math.min(number("total"), id + number("burst"));
  if (id >= number("total")) return new Response(null, { status: 204 });
  const encoder = new TextEncoder();
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(encoder.encode(`retry: ${number("retry")}\n\n`));
      signal.addEventListener("abort", () => controller.error(signal.reason), { once: true });
    },
    async pull(controller) {
      await delay(number("gap"), signal);
      if (id === lastId) return controller.close();
      id += 1;
      controller.enqueue(encoder.encode(`id: ${id}\nevent: count\ndata: ${id}\n\n`));
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}
