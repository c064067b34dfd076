/** Shows the last batch beside the same batch with plain fetch: as two small drawings and as a table. */
import { elementById, setText } from "./dom.js";
import { formatBytes, formatDuration, formatSeconds } from "./format.js";
import { MiniWaterfall } from "./mini-waterfall.js";
import { PlainFetchRun } from "./plain-fetch.js";
import { quantile, sortAscending } from "./quantiles.js";
import { peakActive, totalTime } from "./request-times.js";

/**
 * @typedef {import("./runner.js").Batch} Batch
 * @typedef {import("./tracked-request.js").TrackedRequest} TrackedRequest
 */

/** Milliseconds between two drawings. */
const drawInterval = 250;

/** The rows of the table: the label, and the value for the requests of a run. @type {[label: string, value: (requests: TrackedRequest[], duration: number) => string][]} */
const tableRows = [
  ["Done", (requests) => `${countDone(requests)} of ${requests.length}`],
  ["Not done", (requests) => String(requests.filter(({ state, isEnded }) => isEnded && state !== "done").length)],
  ["Total time", (_, duration) => formatSeconds(duration)],
  ["Peak in flight", (requests) => String(peakActive(requests))],
  ["Requests sent", (requests) => String(requests.reduce((sum, { attempts }) => sum + attempts, 0))],
  ["Median time", (requests) => durationOrDash(quantile(sortedTimes(requests), 0.5))],
  ["95th percentile", (requests) => durationOrDash(quantile(sortedTimes(requests), 0.95))],
  ["Body bytes read", (requests) => formatBytes(requests.reduce((sum, { bytes }) => sum + bytes, 0))],
];

export class Comparison {
  plainRun = new PlainFetchRun();
  /** The last batch; undefined after `clear`. @type {Batch | undefined} */
  batch;
  /** Called when the run with plain fetch ends. */
  onIdle = () => {};
  #drawings = ["mini-client", "mini-plain"].map((id) => new MiniWaterfall(elementById(id, HTMLCanvasElement)));
  #note = elementById("compare-note");
  #intro = this.#note.textContent ?? "";
  #lastDrawn = -Infinity;
  /** The two value cells of each table row: client, plain fetch. */
  #cells = tableRows.map(([label]) => {
    const row = document.createElement("tr");
    const cells = [document.createElement("td"), document.createElement("td")];
    row.append(Object.assign(document.createElement("th"), { scope: "row", textContent: label }), ...cells);
    elementById("summary").append(row);
    return cells;
  });

  /** @param {import("./stopwatch.js").Stopwatch} stopwatch the stopwatch that measures the batches of the client */
  constructor(stopwatch) {
    this.stopwatch = stopwatch;
    this.plainRun.onIdle = () => this.#finish();
    this.clear();
  }

  /**
   * Selects the batch to compare and discards the previous run with plain fetch.
   *
   * @param {Batch} batch
   */
  select(batch) {
    this.batch = batch;
    this.plainRun.clear();
    setText(this.#note, this.#intro);
  }

  /**
   * Repeats the selected batch with plain fetch.
   *
   * @returns {boolean} false if no batch is selected or a repetition runs already
   */
  run() {
    if (!this.batch || this.plainRun.running > 0) return false;
    setText(this.#note, "Running plain fetch…");
    this.plainRun.start(this.batch);
    return true;
  }

  /** Forgets the batch and the run with plain fetch. */
  clear() {
    this.plainRun.clear();
    this.batch = undefined;
    setText(this.#note, this.#intro);
    this.draw(true);
  }

  /**
   * Draws both runs, at most once per `drawInterval`.
   *
   * @param {boolean} isLast whether to draw regardless of the interval
   */
  draw(isLast) {
    if (!isLast && performance.now() - this.#lastDrawn < drawInterval) return;
    this.#lastDrawn = performance.now();
    const sides = [this.#clientSide(), this.#plainSide()];
    // Both drawings share the longer duration as their width, so that they can be compared.
    const width = Math.max(1, ...sides.map(({ duration }) => duration));
    sides.forEach(({ name, requests, from, now, duration }, column) => {
      const hasRequests = requests.length > 0;
      const drawing = this.#drawings[column];
      drawing.draw(requests, from, now, width);
      drawing.describe(`Batch with ${name}: ${hasRequests ? describe(requests, duration) : "no requests yet"}`);
      tableRows.forEach(([, value], row) => setText(this.#cells[row][column], hasRequests ? value(requests, duration) : "–"));
    });
  }

  #clientSide() {
    const requests = this.batch?.requests ?? [];
    const from = requests[0]?.began ?? 0;
    const now = this.stopwatch.elapsed();
    return { name: "waterspout", requests, from, now, duration: durationOf(requests, from, now) };
  }

  #plainSide() {
    const { requests } = this.plainRun;
    const now = this.plainRun.now();
    return { name: "plain fetch", requests, from: 0, now, duration: durationOf(requests, 0, now) };
  }

  /** Writes the result of both runs into the note. */
  #finish() {
    const { requests } = this.plainRun;
    const byClient = countDone(this.batch?.requests ?? []);
    const byPlainFetch = countDone(requests);
    setText(
      this.#note,
      `waterspout completed ${byClient} of ${requests.length} requests; plain fetch completed ${byPlainFetch}, with up to ${peakActive(requests)} in flight at once.`,
    );
    this.onIdle();
  }
}

/** @param {TrackedRequest[]} requests */
function countDone(requests) {
  return requests.filter(({ state }) => state === "done").length;
}

/**
 * Returns the milliseconds from the start of a run to the end of its last request.
 *
 * @param {TrackedRequest[]} requests
 * @param {number} from
 * @param {number} now counts as the end of a request that still runs
 */
function durationOf(requests, from, now) {
  return Math.max(0, ...requests.map(({ ended }) => (ended ?? now) - from));
}

/**
 * Returns the text of a drawing for screen readers.
 *
 * @param {TrackedRequest[]} requests
 * @param {number} duration
 */
function describe(requests, duration) {
  const done = `${countDone(requests)} of ${requests.length} done after ${formatSeconds(duration)}`;
  return `${done}, at most ${peakActive(requests)} in flight`;
}

/** @param {TrackedRequest[]} requests */
function sortedTimes(requests) {
  return sortAscending(requests.map(totalTime).filter((time) => time !== undefined));
}

/** @param {number | undefined} time */
function durationOrDash(time) {
  return time === undefined ? "–" : formatDuration(time);
}
