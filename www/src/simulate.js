/** A fetch without a network: it answers as the demo server's `/lab/slow` does, for hosts that serve only files. */

/** @type {typeof fetch} */
export async function simulate(input, init) {
  const { url, signal } = new Request(input, init);
  const query = new URL(url).searchParams;
  const number = (/** @type {string} */ name) => Number(query.get(name) ?? 0);
  await pause(number("head"), signal);

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
  return query.has("fail")
    ? new Response(body, { status: 503, statusText: "Service Unavailable" })
    : new Response(body, { status: 200, statusText: "OK" });
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
