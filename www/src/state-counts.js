/** The summary line: the number of requests in each state, the elapsed time and the throughput, with announcements for screen readers. */
import { elementById, setText } from "./dom.js";
import { formatBytes, formatSeconds } from "./format.js";
import { outcomes, phases } from "./tracked-request.js";

/** @typedef {import("./tracked-request.js").State} State */

/** Milliseconds between two announcements. More frequent announcements interrupt each other in a screen reader. */
const announceInterval = 4000;

/** The visible text of each state. @type {Record<State, string>} */
export const stateLabels = {
  queued: "queued",
  active: "active",
  waiting: "waiting",
  streaming: "streaming",
  done: "done",
  failed: "failed",
  "timed-out": "timed out",
  aborted: "aborted",
};

/** All states, in the order of the page. @type {State[]} */
const states = [...phases, ...outcomes];

export class StateCounts {
  #list = elementById("counts");
  #elapsed = elementById("elapsed");
  #pace = elementById("pace");
  #announcement = elementById("announcement");
  /** The elapsed time at the last announcement, in milliseconds. */
  #announcedAt = 0;
  /** @type {Map<State, { box: HTMLElement, number: HTMLElement }>} */
  #cells = new Map();

  constructor() {
    for (const state of states) {
      const box = document.createElement("div");
      box.dataset.state = state;
      const label = document.createElement("dt");
      label.textContent = stateLabels[state];
      const number = document.createElement("dd");
      number.textContent = "0";
      box.append(label, number);
      this.#list.append(box);
      this.#cells.set(state, { box, number });
    }
  }

  /**
   * @param {import("./runner.js").Runner} runner
   * @param {number} now the elapsed time, in milliseconds
   * @param {boolean} isLast whether nothing changes after this drawing
   */
  draw(runner, now, isLast) {
    /** @type {Record<State, number>} */
    const counts = { queued: 0, active: 0, waiting: 0, streaming: 0, done: 0, failed: 0, "timed-out": 0, aborted: 0 };
    let bytes = 0;
    for (const request of runner.requests) {
      counts[request.state] += 1;
      bytes += request.bytes;
    }
    for (const [state, { box, number }] of this.#cells) {
      setText(number, String(counts[state]));
      box.classList.toggle("zero", counts[state] === 0);
    }
    const seconds = now / 1000;
    const hasPace = seconds > 0 && bytes > 0;
    setText(this.#elapsed, formatSeconds(now));
    setText(this.#pace, hasPace ? `${(counts.done / seconds).toFixed(1)} done/s · ${formatBytes(bytes / seconds)}/s` : "");
    // A reset of the stopwatch puts `now` before the last announcement.
    const isDue = now < this.#announcedAt || now - this.#announcedAt >= announceInterval;
    if (isLast || isDue) this.#announce(counts, now, isLast);
  }

  /**
   * @param {Record<State, number>} counts
   * @param {number} now
   * @param {boolean} isLast
   */
  #announce(counts, now, isLast) {
    this.#announcedAt = isLast ? 0 : now;
    const parts = states.filter((state) => counts[state] > 0).map((state) => `${counts[state]} ${stateLabels[state]}`);
    const text = parts.length === 0 ? "" : `${isLast ? "Finished: " : ""}${parts.join(", ")}`;
    setText(this.#announcement, text);
  }
}
