/** What can be read from the spans of requests: waits, times, and how many were under way at once. */

/** @typedef {import("./tracked-request.js").Life} Life */

/**
 * How long a request waited for its first slot, if it has had one.
 *
 * @param {Life} life
 */
export function waitOf({ spans }) {
  const first = spans.find(({ phase }) => phase === "active");
  return first && first.from - spans[0].from;
}

/**
 * How long the attempt took that brought the head, if one did.
 *
 * @param {Life} life
 */
export function headOf({ spans }) {
  const index = spans.findIndex(({ phase }) => phase === "streaming");
  return index > 0 ? spans[index].from - spans[index - 1].from : undefined;
}

/**
 * How long a request took in all, if it came to a good end.
 *
 * @param {Life} life
 */
export function wholeOf({ state, began, ended }) {
  return state === "done" && ended !== undefined ? ended - began : undefined;
}

/**
 * How many requests at most were in the platform's hands at once, up to their heads.
 *
 * @param {Iterable<Life>} lives
 * @returns {number}
 */
export function peakOf(lives) {
  /** @type {[time: number, step: number][]} */
  const steps = [];
  for (const { spans } of lives) {
    for (const { phase, from, to } of spans) if (phase === "active") steps.push([from, 1], [to ?? Infinity, -1]);
  }
  // What ends and begins at the same time is never two at once.
  steps.sort(([time, step], [otherTime, otherStep]) => time - otherTime || step - otherStep);
  let [now, peak] = [0, 0];
  for (const [, step] of steps) peak = Math.max(peak, (now += step));
  return peak;
}
