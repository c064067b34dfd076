/** The waterfall: all rows over one axis. */
import { Axis } from "./axis.js";
import { Bar } from "./bar.js";
import { element } from "./dom.js";

/** @typedef {import("./life.js").Life} Life */

export class Waterfall {
  #axis = new Axis();
  #rows = element("rows");
  #empty = element("empty");
  /** @type {Map<Life, Bar>} */
  #bars = new Map();
  /** The bars that still change. @type {Set<Bar>} */
  #open = new Set();

  /** @param {Life[]} lives */
  add(lives) {
    const bars = lives.map((life) => new Bar(life));
    for (const bar of bars) {
      this.#bars.set(bar.life, bar);
      this.#open.add(bar);
    }
    this.#rows.append(...bars.map((bar) => bar.row));
    this.#empty.hidden = this.#bars.size > 0;
  }

  /**
   * Shows a request's new state.
   *
   * @param {Life} life
   */
  turn(life) {
    this.#bars.get(life)?.turn();
  }

  /**
   * @param {number} now
   * @param {boolean} runs whether any request does
   */
  draw(now, runs) {
    const stretched = this.#axis.fit(now);
    this.#axis.point(now, runs);
    for (const bar of stretched ? this.#bars.values() : this.#open) bar.draw(now, this.#axis.length);
    for (const bar of this.#open) if (bar.life.over) this.#open.delete(bar);
  }

  clear() {
    this.#bars.clear();
    this.#open.clear();
    this.#rows.replaceChildren();
    this.#empty.hidden = false;
  }

  /** On a small screen the chart is below the form: what was fired should be seen. */
  scrollIntoView() {
    const run = element("run");
    if (run.getBoundingClientRect().top < innerHeight * 0.6) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    run.scrollIntoView({ behavior: calm ? "instant" : "smooth" });
  }
}
