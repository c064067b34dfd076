/** Server-sent events without a server: a few, then the end, and the next ones to who asks again. */
import { pause } from "./delay.js";

/**
 * @param {Request} request
 * @param {URLSearchParams} query
 */
export function simulatedEvents({ headers, signal }, query) {
  const number = (/** @type {string} */ name) => Number(query.get(name) ?? 0);
  let id = Number(headers.get("last-event-id") ?? 0);
  const last = Math.min(number("total"), id + number("burst"));
  if (id >= number("total")) return new Response(null, { status: 204 });
  const encoder = new TextEncoder();
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(encoder.encode(`retry: ${number("retry")}\n\n`));
      signal.addEventListener("abort", () => controller.error(signal.reason), { once: true });
    },
    async pull(controller) {
      await pause(number("gap"), signal);
      if (id === last) return controller.close();
      id += 1;
      controller.enqueue(encoder.encode(`id: ${id}\nevent: count\ndata: ${id}\n\n`));
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}
