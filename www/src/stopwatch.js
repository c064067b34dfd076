/**
 * The stopwatch of the page: counts the milliseconds during which requests run.
 *
 * It stands still between two batches, and so does the time axis.
 */

export class Stopwatch {
  /** Milliseconds counted before the last start. */
  #before = 0;
  /** The time of the last start; undefined while stopped. @type {number | undefined} */
  #started;

  /** Returns the milliseconds counted so far. */
  elapsed() {
    return this.elapsedAt(performance.now());
  }

  /**
   * Returns the milliseconds counted at a given time; times before the last start count as the start.
   *
   * @param {number} time a time from `performance.now()`
   */
  elapsedAt(time) {
    return this.#before + (this.#started === undefined ? 0 : Math.max(0, time - this.#started));
  }

  /** Starts counting; does nothing if the stopwatch runs already. */
  start() {
    this.#started ??= performance.now();
  }

  /** Stops counting and keeps the count. */
  stop() {
    this.#before = this.elapsed();
    this.#started = undefined;
  }

  /** Stops counting and sets the count to 0. */
  reset() {
    this.#before = 0;
    this.#started = undefined;
  }
}
