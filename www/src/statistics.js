/** Throughput, waits and times, drawn a few times a second. */
import { element, setText } from "./dom.js";
import { bytes, exact } from "./format.js";
import { Plot, roundUp } from "./plot.js";
import { ascending, quantile } from "./quantiles.js";
import { perSecond } from "./throughput.js";
import { headOf, waitOf, wholeOf } from "./request-times.js";

/** @typedef {import("./tracked-request.js").Life} Life */

/** Milliseconds between two drawings. */
const pause = 250;
/** Columns in a plot over time at most, and the milliseconds that each stands for at least. */
const [mostColumns, narrowest] = [45, 250];
/** Columns that the histogram has at least: up to a second. */
const fewest = 12;

/** @type {[name: string, of: (life: Life) => number | undefined][]} */
const rows = [
  ["Wait for slot", waitOf],
  ["Slot to head", headOf],
  ["In all", wholeOf],
];

export class Figures {
  #ended = new Plot("Requests per second", ["done", "failed"]);
  #read = new Plot("Bytes per second", ["streaming"]);
  #waits = new Plot("Waits for a slot", ["queued"]);
  #drawn = -Infinity;
  #cells = rows.map(([name]) => {
    const row = document.createElement("tr");
    const head = Object.assign(document.createElement("th"), { scope: "row", textContent: name });
    const cells = Array.from({ length: 4 }, () => document.createElement("td"));
    row.append(head, ...cells);
    element("times").append(row);
    return cells;
  });

  constructor() {
    element("plots").append(this.#ended.figure, this.#read.figure, this.#waits.figure);
  }

  /**
   * @param {import("./runner.js").Runner} runner
   * @param {import("./throughput.js").Throughput} throughput
   * @param {number} length of the axis, in milliseconds
   * @param {boolean} last
   */
  draw(runner, throughput, length, last) {
    if (!last && performance.now() - this.#drawn < pause) return;
    this.#drawn = performance.now();
    const parts = Math.min(mostColumns, Math.floor(length / narrowest));
    const over = (/** @type {number[]} */ series) => perSecond(series, length, parts);
    this.#overTime(this.#ended, [over(throughput.done), over(throughput.failed)], length, (value) => `${value.toFixed(1)}/s`);
    this.#overTime(this.#read, [over(throughput.bytes)], length, (value) => `${bytes(value)}/s`);
    this.#histogram(runner.client?.stats().waits);
    this.#times([...runner.lives]);
  }

  /**
   * @param {Plot} plot
   * @param {number[][]} series
   * @param {number} length
   * @param {(value: number) => string} written
   */
  #overTime(plot, series, length, written) {
    const sums = series[0].map((value, index) => value + (series[1]?.[index] ?? 0));
    const peak = Math.max(...sums);
    const busy = sums.filter((value) => value > 0).length;
    const mean = sums.reduce((sum, value) => sum + value, 0) / (busy || 1);
    const unit = plot === this.#read && peak >= 1024 ? (peak >= 1024 ** 2 ? 1024 ** 2 : 1024) : 1;
    const top = roundUp(peak / unit) * unit;
    const most = plot === this.#read ? `${bytes(top)}/s` : `${top}/s`;
    const description = peak > 0 ? `at most ${written(peak)}, ${written(mean)} on average while there were any` : "none yet";
    plot.draw(series, top, { value: peak > 0 ? `peak ${written(peak)}` : "", most, labels: ["0 s", `${length / 1000} s`], description });
  }

  /** @param {import("waterspout").WaitTimes | undefined} waits */
  #histogram(waits) {
    const buckets = waits?.buckets ?? [];
    const count = Math.max(fewest, buckets.findLastIndex((amount) => amount > 0) + 1);
    const values = Array.from({ length: count }, (_, index) => buckets[index] ?? 0);
    const peak = Math.max(...values);
    const told = values.flatMap((amount, index) => (amount > 0 ? [`${amount} ${upTo(index)}`] : []));
    this.#waits.draw([values], roundUp(peak), {
      value: waits?.count ? `mean ${exact(waits.mean)}` : "",
      most: String(roundUp(peak)),
      labels: ["none", rough(2 ** Math.floor(count / 2 - 1)), rough(2 ** (count - 2))],
      description: told.length > 0 ? told.join(", ") : "none yet",
    });
  }

  /** @param {Life[]} lives */
  #times(lives) {
    rows.forEach(([, of], index) => {
      const values = ascending(lives.map(of).filter((value) => value !== undefined));
      [0.5, 0.9, 0.99, 1].forEach((share, column) => {
        const value = quantile(values, share);
        setText(this.#cells[index][column], value === undefined ? "–" : exact(value));
      });
    });
  }
}

/** @param {number} milliseconds */
function rough(milliseconds) {
  return milliseconds < 1000 ? `${milliseconds} ms` : `${Math.round(milliseconds / 1000)} s`;
}

/**
 * What a bucket of the histogram holds.
 *
 * @param {number} index
 */
function upTo(index) {
  return index === 0 ? "not at all" : `up to ${exact(2 ** (index - 1))}`;
}
