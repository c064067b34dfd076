/** What a volley will ask for, drawn by chance before anything is sent: the same can be asked for again. */
import { seeded } from "./random.js";

/**
 * @typedef {object} Plan one request
 * @property {number} head milliseconds until the response's head
 * @property {number} gap milliseconds between two chunks
 * @property {number} fails how many attempts will fail before one does not
 * @property {boolean} isHigh whether it has the higher priority
 * @property {boolean} isElsewhere whether it goes to the second origin
 */

/** Attempts that fail beyond this many never end; a client makes fewer. */
const most = 99;

/**
 * @param {import("./settings.js").Settings} settings
 * @param {number} seed
 * @returns {Plan[]}
 */
export function plansOf({ requests, head, gap, spread, failing, high, secondOrigin }, seed) {
  const chance = seeded(seed);
  const within = (/** @type {number} */ middle) => Math.max(0, Math.round(middle * (1 + ((chance() * 2 - 1) * spread) / 100)));
  const failures = () => {
    let count = 0;
    while (count < most && chance() * 100 < failing) count += 1;
    return count;
  };
  return Array.from({ length: requests }, (_, index) => ({
    head: within(head),
    gap: within(gap),
    fails: failures(),
    isHigh: chance() * 100 < high,
    isElsewhere: secondOrigin && index % 2 === 1,
  }));
}
