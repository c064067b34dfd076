/** What was done in each tenth of a second: ends of requests, and bytes. */

/** Milliseconds. */
const tick = 100;

export class Throughput {
  /** @type {number[]} */
  done = [];
  /** All ends but the good one. @type {number[]} */
  failed = [];
  /** @type {number[]} */
  bytes = [];

  /**
   * @param {number[]} series
   * @param {number} time
   * @param {number} amount
   */
  add(series, time, amount) {
    const index = Math.floor(time / tick);
    series[index] = (series[index] ?? 0) + amount;
  }

  clear() {
    [this.done, this.failed, this.bytes] = [[], [], []];
  }
}

/**
 * The amounts per second, in so many parts of an axis.
 *
 * @param {number[]} series
 * @param {number} length of the axis, in milliseconds
 * @param {number} parts
 * @returns {number[]}
 */
export function perSecond(series, length, parts) {
  const values = Array.from({ length: parts }, () => 0);
  series.forEach((amount, index) => {
    const part = Math.min(parts - 1, Math.floor(((index * tick) / length) * parts));
    values[part] += amount;
  });
  return values.map((amount) => amount / (length / parts / 1000));
}
