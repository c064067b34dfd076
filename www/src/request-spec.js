/**
 * The random properties of the requests of a batch.
 *
 * They are drawn before the batch is sent, so that a comparison can repeat exactly the same requests.
 */
import { seededRandom } from "./random.js";

/**
 * @typedef {object} RequestSpec the properties of a request
 * @property {number} head milliseconds until the response head
 * @property {number} gap milliseconds between two chunks
 * @property {number} failures the number of attempts that fail before an attempt succeeds
 * @property {boolean} isHighPriority
 * @property {boolean} usesSecondOrigin
 */

/** The largest number of failures. It ends the draw when all attempts fail, and no client makes this many attempts. */
const maxFailures = 99;

/**
 * Draws the properties of all requests of a batch; an equal seed gives equal properties.
 *
 * @param {import("./settings.js").Settings} settings
 * @param {number} seed
 * @returns {RequestSpec[]}
 */
export function drawSpecs({ requests, head, gap, spread, failing, highPriority, secondOrigin }, seed) {
  const random = seededRandom(seed);
  const varied = (/** @type {number} */ middle) =>
    Math.max(0, Math.round(middle * (1 + ((random() * 2 - 1) * spread) / 100)));
  const failures = () => {
    let count = 0;
    while (count < maxFailures && random() * 100 < failing) count += 1;
    return count;
  };
  return Array.from({ length: requests }, (_, index) => ({
    head: varied(head),
    gap: varied(gap),
    failures: failures(),
    isHighPriority: random() * 100 < highPriority,
    usesSecondOrigin: secondOrigin && index % 2 === 1,
  }));
}
