/** The page's clock: milliseconds during which something ran. It stands still between two volleys, and the axis with it. */

export class Clock {
  #before = 0;
  /** @type {number | undefined} */
  #since;

  now() {
    return this.at(performance.now());
  }

  /**
   * What it said, or would have, at a time that `performance.now()` told.
   *
   * @param {number} time
   */
  at(time) {
    return this.#before + (this.#since === undefined ? 0 : Math.max(0, time - this.#since));
  }

  start() {
    this.#since ??= performance.now();
  }

  stop() {
    this.#before = this.now();
    this.#since = undefined;
  }

  reset() {
    this.#before = 0;
    this.#since = undefined;
  }
}
