/** Throughput, wait times and request times as plots and a table, drawn four times per second at most. */
import { elementById, setText } from "./dom.js";
import { formatBytes, formatDuration } from "./format.js";
import { Plot, roundUp } from "./plot.js";
import { quantile, sortAscending } from "./quantiles.js";
import { headTime, slotWait, totalTime } from "./request-times.js";
import { perSecond } from "./throughput.js";

/** @typedef {import("./tracked-request.js").TrackedRequest} TrackedRequest */

/** Milliseconds between two drawings. */
const drawInterval = 250;
/** The largest number of columns in a plot over time. */
const maxColumns = 45;
/** The shortest time that a column of a plot over time covers, in milliseconds. */
const minColumnTime = 250;
/** The smallest number of columns in the histogram. The last of these columns covers waits of up to 1,024 ms. */
const minBuckets = 12;
/** The columns of the table, as shares of the requests; 1 is the longest time. */
const shares = [0.5, 0.9, 0.99, 1];

/** The rows of the table. @type {[label: string, time: (request: TrackedRequest) => number | undefined][]} */
const tableRows = [
  ["Wait for slot", slotWait],
  ["Slot to response head", headTime],
  ["Total", totalTime],
];

export class Statistics {
  #requestPlot = new Plot("Requests per second", ["done", "failed"]);
  #bytePlot = new Plot("Bytes per second", ["streaming"]);
  #waitPlot = new Plot("Wait times", ["queued"]);
  #lastDrawn = -Infinity;
  #cells = tableRows.map(([label]) => {
    const row = document.createElement("tr");
    const head = Object.assign(document.createElement("th"), { scope: "row", textContent: label });
    const cells = shares.map(() => document.createElement("td"));
    row.append(head, ...cells);
    elementById("times").append(row);
    return cells;
  });

  constructor() {
    elementById("plots").append(this.#requestPlot.figure, this.#bytePlot.figure, this.#waitPlot.figure);
  }

  /**
   * @param {import("./runner.js").Runner} runner
   * @param {import("./throughput.js").Throughput} throughput
   * @param {number} axisLength in milliseconds
   * @param {boolean} isLast whether to draw regardless of the interval
   */
  draw(runner, throughput, axisLength, isLast) {
    if (!isLast && performance.now() - this.#lastDrawn < drawInterval) return;
    this.#lastDrawn = performance.now();
    const columns = Math.min(maxColumns, Math.floor(axisLength / minColumnTime));
    const rates = (/** @type {number[]} */ series) => perSecond(series, axisLength, columns);
    const requestRates = [rates(throughput.done), rates(throughput.failed)];
    this.#drawRates(this.#requestPlot, requestRates, axisLength, (value) => `${value.toFixed(1)}/s`);
    this.#drawRates(this.#bytePlot, [rates(throughput.bytes)], axisLength, (value) => `${formatBytes(value)}/s`);
    this.#drawWaits(runner.client?.stats().waits);
    this.#fillTable([...runner.requests]);
  }

  /**
   * Draws a plot of rates over time.
   *
   * @param {Plot} plot
   * @param {number[][]} series
   * @param {number} axisLength
   * @param {(value: number) => string} format
   */
  #drawRates(plot, series, axisLength, format) {
    const sums = series[0].map((value, index) => value + (series[1]?.[index] ?? 0));
    const peak = Math.max(...sums);
    // The average leaves out columns without any value, such as the time before the first response.
    const busyColumns = sums.filter((value) => value > 0).length;
    const average = sums.reduce((sum, value) => sum + value, 0) / (busyColumns || 1);
    const unit = plot === this.#bytePlot ? byteUnit(peak) : 1;
    const top = roundUp(peak / unit) * unit;
    plot.draw(series, top, {
      value: peak > 0 ? `peak ${format(peak)}` : "",
      maximum: plot === this.#bytePlot ? `${formatBytes(top)}/s` : `${top}/s`,
      labels: ["0 s", `${axisLength / 1000} s`],
      description: peak > 0 ? `peak ${format(peak)}, average ${format(average)} while active` : "no data yet",
    });
  }

  /**
   * Draws the histogram of the times that requests waited for a slot. Bucket 0 counts requests without a wait; the
   * upper limit of each further bucket is twice the limit before, beginning with 1 ms.
   *
   * @param {import("waterspout").WaitTimes | undefined} waits
   */
  #drawWaits(waits) {
    const buckets = waits?.buckets ?? [];
    const count = Math.max(minBuckets, buckets.findLastIndex((amount) => amount > 0) + 1);
    const values = Array.from({ length: count }, (_, index) => buckets[index] ?? 0);
    const top = roundUp(Math.max(...values));
    const parts = values.flatMap((amount, index) => (amount > 0 ? [`${amount} ${bucketText(index)}`] : []));
    this.#waitPlot.draw([values], top, {
      value: waits?.count ? `mean ${formatDuration(waits.mean)}` : "",
      maximum: String(top),
      labels: ["none", axisLabel(2 ** Math.floor(count / 2 - 1)), axisLabel(2 ** (count - 2))],
      description: parts.length > 0 ? parts.join(", ") : "no data yet",
    });
  }

  /** @param {TrackedRequest[]} requests */
  #fillTable(requests) {
    tableRows.forEach(([, time], row) => {
      const times = sortAscending(requests.map(time).filter((value) => value !== undefined));
      shares.forEach((share, column) => {
        const value = quantile(times, share);
        setText(this.#cells[row][column], value === undefined ? "–" : formatDuration(value));
      });
    });
  }
}

/**
 * Returns the unit in which a byte rate is rounded: 1 B, 1 KiB or 1 MiB.
 *
 * @param {number} rate
 */
function byteUnit(rate) {
  if (rate >= 1024 ** 2) return 1024 ** 2;
  return rate >= 1024 ? 1024 : 1;
}

/** @param {number} milliseconds */
function axisLabel(milliseconds) {
  return milliseconds < 1000 ? `${milliseconds} ms` : `${Math.round(milliseconds / 1000)} s`;
}

/**
 * Returns the wait times that a bucket of the histogram counts.
 *
 * @param {number} index
 */
function bucketText(index) {
  return index === 0 ? "without a wait" : `up to ${formatDuration(2 ** (index - 1))}`;
}
