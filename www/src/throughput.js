/** Counts ended requests and received bytes for each tenth of a second. */

/** The length of an interval, in milliseconds. */
const interval = 100;

export class Throughput {
  /** The requests with the outcome "done", for each interval. @type {number[]} */
  done = [];
  /** The requests with any other outcome. @type {number[]} */
  failed = [];
  /** @type {number[]} */
  bytes = [];

  /**
   * @param {number[]} series
   * @param {number} time in milliseconds
   * @param {number} amount
   */
  add(series, time, amount) {
    const index = Math.floor(time / interval);
    series[index] = (series[index] ?? 0) + amount;
  }

  clear() {
    this.done = [];
    this.failed = [];
    this.bytes = [];
  }
}

/**
 * Returns the amounts per second for each column of a plot.
 *
 * @param {number[]} series
 * @param {number} axisLength in milliseconds
 * @param {number} columns
 * @returns {number[]}
 */
export function perSecond(series, axisLength, columns) {
  const values = Array.from({ length: columns }, () => 0);
  series.forEach((amount, index) => {
    const column = Math.min(columns - 1, Math.floor(((index * interval) / axisLength) * columns));
    values[column] += amount;
  });
  const columnSeconds = axisLength / columns / 1000;
  return values.map((amount) => amount / columnSeconds);
}
