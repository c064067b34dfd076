/** The waterfall: all rows over one axis. Only rows in sight are drawn as they change, so that a thousand cost no more than twenty. */
import { Axis } from "./axis.js";
import { Bar } from "./request-row.js";
import { element } from "./dom.js";
import { Follow } from "./auto-scroll.js";
import { TabStop } from "./roving-tabindex.js";

/** @typedef {import("./tracked-request.js").Life} Life */

export class Waterfall {
  #axis = new Axis();
  #chart = element("chart");
  #rows = element("rows");
  #empty = element("empty");
  #follow = new Follow(this.#chart);
  #tabStop = new TabStop(this.#rows);
  /** @type {Map<Life, Bar>} */
  #bars = new Map();
  /** @type {WeakMap<Element, Bar>} */
  #ofRow = new WeakMap();
  /** The bars that still change. @type {Set<Bar>} */
  #open = new Set();
  /** @type {Set<Bar>} */
  #seen = new Set();
  /** Bars that came into sight, or have ended there, since the last drawing. @type {Set<Bar>} */
  #stale = new Set();
  #watch = new IntersectionObserver((entries) => this.#notice(entries), { root: this.#chart, rootMargin: "100px" });

  /** Milliseconds from edge to edge. */
  get length() {
    return this.#axis.length;
  }

  /** @param {Life[]} lives */
  add(lives) {
    const bars = lives.map((life) => new Bar(life));
    for (const bar of bars) {
      this.#bars.set(bar.life, bar);
      this.#ofRow.set(bar.row, bar);
      this.#open.add(bar);
      this.#watch.observe(bar.row);
    }
    this.#rows.append(...bars.map((bar) => bar.row));
    this.#empty.hidden = this.#bars.size > 0;
    this.#follow.begin();
    this.#tabStop.settle();
  }

  /**
   * Shows a request's new state.
   *
   * @param {Life} life
   */
  turn(life) {
    const bar = this.#bars.get(life);
    if (!bar) return;
    bar.turn();
    if (!life.over) return;
    this.#open.delete(bar);
    this.#stale.add(bar);
    this.#tabStop.settle();
  }

  /**
   * @param {number} now
   * @param {boolean} runs whether any request does
   */
  draw(now, runs) {
    const stretched = this.#axis.fit(now);
    this.#axis.point(now, runs);
    if (!runs) this.#stale = new Set(this.#bars.values());
    if (stretched) for (const bar of this.#seen) this.#stale.add(bar);
    for (const bar of this.#seen) if (this.#open.has(bar)) this.#stale.add(bar);
    for (const bar of this.#stale) bar.draw(now, this.#axis.length);
    this.#stale.clear();
    if (runs) this.#follow.to(this.#atWork());
  }

  clear() {
    for (const bar of this.#bars.values()) this.#watch.unobserve(bar.row);
    for (const bars of [this.#bars, this.#open, this.#seen, this.#stale]) bars.clear();
    this.#rows.replaceChildren();
    this.#empty.hidden = false;
    this.#chart.scrollTop = 0;
  }

  /** On a small screen the chart is below the form: what was fired should be seen. */
  scrollIntoView() {
    const run = element("run");
    if (run.getBoundingClientRect().top < innerHeight * 0.6) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    run.scrollIntoView({ behavior: calm ? "instant" : "smooth" });
  }

  /** The row of the first request that has a slot. */
  #atWork() {
    for (const { row, life } of this.#open) if (life.state === "active" || life.state === "streaming") return row;
    return undefined;
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #notice(entries) {
    for (const { target, isIntersecting } of entries) {
      const bar = this.#ofRow.get(target);
      if (!bar || !this.#bars.has(bar.life)) continue;
      if (!isIntersecting) this.#seen.delete(bar);
      else for (const bars of [this.#stale, this.#seen]) bars.add(bar);
    }
  }
}
