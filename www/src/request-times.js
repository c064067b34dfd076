/** Times that follow from the spans of requests, and the largest number of concurrent requests. */

/** @typedef {import("./tracked-request.js").TrackedRequest} TrackedRequest */

/**
 * Returns the milliseconds that a request waited for its first slot; undefined if it never had a slot.
 *
 * @param {TrackedRequest} request
 */
export function slotWait({ spans }) {
  const first = spans.find(({ phase }) => phase === "active");
  return first && first.from - spans[0].from;
}

/**
 * Returns the milliseconds from the start of the successful attempt to its response head; undefined without a response.
 *
 * @param {TrackedRequest} request
 */
export function headTime({ spans }) {
  const index = spans.findIndex(({ phase }) => phase === "streaming");
  return index > 0 ? spans[index].from - spans[index - 1].from : undefined;
}

/**
 * Returns the milliseconds from the start to the end of a request; undefined if its outcome is not "done".
 *
 * @param {TrackedRequest} request
 */
export function totalTime({ state, began, ended }) {
  return state === "done" && ended !== undefined ? ended - began : undefined;
}

/**
 * Returns the largest number of requests that were active at once. A request is active from the call of the platform's
 * fetch to the response head.
 *
 * @param {Iterable<TrackedRequest>} requests
 * @returns {number}
 */
export function peakActive(requests) {
  /** @type {[time: number, step: number][]} */
  const steps = [];
  for (const { spans } of requests) {
    for (const { phase, from, to } of spans) if (phase === "active") steps.push([from, 1], [to ?? Infinity, -1]);
  }
  // At equal times, ends sort before starts: a slot that passes from a request to the next counts once.
  steps.sort(([time, step], [otherTime, otherStep]) => time - otherTime || step - otherStep);
  let active = 0;
  let peak = 0;
  for (const [, step] of steps) {
    active += step;
    peak = Math.max(peak, active);
  }
  return peak;
}
