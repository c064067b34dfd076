/** The time axis that all bars share. Its length grows in steps, so finished bars need no redraw between two steps. */
import { elementById } from "./dom.js";

/** The possible axis lengths, in seconds. */
const lengths = [2, 3, 5, 8, 12, 18, 27, 40, 60, 90, 120, 180, 300, 600, 1200, 1800, 3600];
/** The possible distances between ticks, in seconds. */
const distances = [0.5, 1, 2, 3, 5, 10, 15, 20, 30, 60, 120, 300, 600];
/** The largest number of intervals between ticks. */
const maxIntervals = 6;
/** An axis of at least this many seconds has labels in minutes. */
const minutesFrom = 300;

export class Axis {
  #axis = elementById("axis");
  #grid = elementById("grid");
  #nowLine = document.createElement("i");
  /** The length, in milliseconds. */
  length = 0;

  constructor() {
    this.#nowLine.className = "now";
    this.fit(0);
  }

  /**
   * Sets the length so that the axis includes `now`.
   *
   * @param {number} now in milliseconds
   * @returns {boolean} whether the length changed
   */
  fit(now) {
    // Beyond the last step, the axis grows by whole hours.
    const seconds = lengths.find((length) => now <= length * 1000) ?? Math.ceil(now / 3_600_000) * 3600;
    if (seconds * 1000 === this.length) return false;
    this.length = seconds * 1000;
    this.#drawTicks(seconds);
    return true;
  }

  /**
   * Moves the line that marks the current time. The line is hidden while no request runs.
   *
   * @param {number} now in milliseconds
   * @param {boolean} isRunning whether a request runs
   */
  showNow(now, isRunning) {
    this.#nowLine.hidden = !isRunning;
    this.#nowLine.style.transform = `translateX(${((now / this.length) * 100).toFixed(3)}%)`;
  }

  /** @param {number} length in seconds */
  #drawTicks(length) {
    const distance = distances.find((distance) => length / distance <= maxIntervals) ?? length / 4;
    const labels = [];
    const lines = [];
    for (let second = 0; second <= length; second += distance) {
      const label = document.createElement("span");
      label.textContent = length >= minutesFrom ? `${second / 60} min` : `${second} s`;
      const line = document.createElement("i");
      for (const mark of [label, line]) mark.style.left = `${(second / length) * 100}%`;
      labels.push(label);
      lines.push(line);
    }
    const scale = document.createElement("div");
    scale.append(...labels);
    this.#axis.replaceChildren(scale);
    this.#grid.replaceChildren(...lines, this.#nowLine);
  }
}
