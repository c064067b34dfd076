/** Where the requests go, and by what. */
import { simulate } from "./simulate.js";

/** @typedef {import("./settings.js").Settings} Settings */

/**
 * The URL of request `number`; each of the demo server's is drawn at random within the spread.
 *
 * @param {Settings} settings
 * @param {number} number
 * @returns {string}
 */
export function urlOf(settings, number) {
  if (settings.target === "url") return settings.url.replaceAll("{n}", String(number));
  const { head, gap, spread, chunks, size, failing } = settings;
  const query = new URLSearchParams({
    head: String(within(head, spread)),
    chunks: String(chunks),
    size: String(size * 1024),
    gap: String(within(gap, spread)),
  });
  if (Math.random() * 100 < failing) query.set("fail", "1");
  return `${settings.target === "lab" ? settings.lab : "/lab/slow"}?${query}`;
}

/**
 * @param {Settings} settings
 * @returns {typeof fetch}
 */
export function senderOf({ target }) {
  return target === "simulated" ? simulate : (request, init) => fetch(request, init);
}

/**
 * @param {number} middle
 * @param {number} spread in percent, to both sides
 */
function within(middle, spread) {
  return Math.max(0, Math.round(middle * (1 + ((Math.random() * 2 - 1) * spread) / 100)));
}
