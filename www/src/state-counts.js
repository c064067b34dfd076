/** The head line: how many requests are in each state, the time and the pace; and the same for screen readers. */
import { element, setText } from "./dom.js";
import { bytes, seconds } from "./format.js";
import { ends, phases } from "./tracked-request.js";

/** @typedef {import("./tracked-request.js").State} State */

/** Milliseconds between two announcements: a live region that never rests cannot be listened to. */
const pause = 4000;

/** The states, as the page writes them. @type {Record<State, string>} */
export const words = {
  queued: "queued",
  active: "active",
  waiting: "waiting",
  streaming: "streaming",
  done: "done",
  failed: "failed",
  "timed-out": "timed out",
  aborted: "aborted",
};

export class Counts {
  #box = element("counts");
  #elapsed = element("elapsed");
  #pace = element("pace");
  #announcement = element("announcement");
  #announced = 0;
  /** @type {Map<State, { box: HTMLElement, figure: HTMLElement }>} */
  #figures = new Map();

  constructor() {
    for (const state of [...phases, ...ends]) {
      const box = document.createElement("div");
      box.dataset.state = state;
      const name = document.createElement("dt");
      name.textContent = words[state];
      const figure = document.createElement("dd");
      figure.textContent = "0";
      box.append(name, figure);
      this.#box.append(box);
      this.#figures.set(state, { box, figure });
    }
  }

  /**
   * @param {import("./runner.js").Runner} runner
   * @param {number} now
   * @param {boolean} last whether nothing will change after this
   */
  draw(runner, now, last) {
    /** @type {Record<State, number>} */
    const counts = { queued: 0, active: 0, waiting: 0, streaming: 0, done: 0, failed: 0, "timed-out": 0, aborted: 0 };
    let read = 0;
    for (const life of runner.lives) {
      counts[life.state] += 1;
      read += life.bytes;
    }
    for (const [state, { box, figure }] of this.#figures) {
      setText(figure, String(counts[state]));
      box.classList.toggle("none", counts[state] === 0);
    }
    const over = now / 1000;
    setText(this.#elapsed, seconds(now));
    setText(this.#pace, over > 0 && read > 0 ? `${(counts.done / over).toFixed(1)} done/s · ${bytes(read / over)}/s` : "");
    // The clock may have begun anew.
    if (last || now < this.#announced || now - this.#announced >= pause) this.#announce(counts, now, last);
  }

  /**
   * @param {Record<State, number>} counts
   * @param {number} now
   * @param {boolean} last
   */
  #announce(counts, now, last) {
    this.#announced = last ? 0 : now;
    const parts = [...phases, ...ends].filter((state) => counts[state] > 0).map((state) => `${counts[state]} ${words[state]}`);
    const text = parts.length === 0 ? "" : `${last ? "Finished: " : ""}${parts.join(", ")}`;
    setText(this.#announcement, text);
  }
}
