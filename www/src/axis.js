/** The common time axis. It grows in steps: between two of them, bars that are over need no drawing. */
import { element } from "./dom.js";

/** The lengths that the axis takes, in seconds. */
const lengths = [2, 3, 5, 8, 12, 18, 27, 40, 60, 90, 120, 180, 300, 600, 1200, 1800, 3600];
/** The distances that ticks take, in seconds. */
const distances = [0.5, 1, 2, 3, 5, 10, 15, 20, 30, 60, 120, 300, 600];

export class Axis {
  #axis = element("axis");
  #grid = element("grid");
  #now = document.createElement("i");
  /** The length, in milliseconds. */
  length = 0;

  constructor() {
    this.#now.className = "now";
    this.fit(0);
  }

  /**
   * Makes the axis long enough.
   *
   * @param {number} now
   * @returns {boolean} whether its length changed
   */
  fit(now) {
    const step = lengths.find((length) => now <= length * 1000) ?? Math.ceil(now / 3_600_000) * 3600;
    if (step * 1000 === this.length) return false;
    this.length = step * 1000;
    this.#ticks(step);
    return true;
  }

  /**
   * The line that is now; there is none when nothing runs.
   *
   * @param {number} now
   * @param {boolean} runs
   */
  point(now, runs) {
    this.#now.hidden = !runs;
    this.#now.style.transform = `translateX(${((now / this.length) * 100).toFixed(3)}%)`;
  }

  /** @param {number} length in seconds */
  #ticks(length) {
    const distance = distances.find((distance) => length / distance <= 6) ?? length / 4;
    const labels = [];
    const lines = [];
    for (let second = 0; second <= length; second += distance) {
      const label = document.createElement("span");
      label.textContent = length >= 300 ? `${second / 60} min` : `${second} s`;
      const line = document.createElement("i");
      for (const mark of [label, line]) mark.style.left = `${(second / length) * 100}%`;
      labels.push(label);
      lines.push(line);
    }
    const scale = document.createElement("div");
    scale.append(...labels);
    this.#axis.replaceChildren(scale);
    this.#grid.replaceChildren(...lines, this.#now);
  }
}
