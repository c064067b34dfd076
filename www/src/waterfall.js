/**
 * The waterfall: the rows of all requests on a shared time axis.
 *
 * While requests run, only visible rows are drawn, so that a thousand rows cost no more than twenty.
 */
import { AutoScroll } from "./auto-scroll.js";
import { Axis } from "./axis.js";
import { elementById } from "./dom.js";
import { RequestRow } from "./request-row.js";
import { RovingTabindex } from "./roving-tabindex.js";

/** @typedef {import("./tracked-request.js").TrackedRequest} TrackedRequest */

/** The chart counts as visible if its top is within this part of the window height. */
const visibleShare = 0.6;

export class Waterfall {
  #axis = new Axis();
  #chart = elementById("chart");
  #list = elementById("rows");
  #empty = elementById("empty");
  #autoScroll = new AutoScroll(this.#chart);
  #rovingTabindex = new RovingTabindex(this.#list);
  /** @type {Map<TrackedRequest, RequestRow>} */
  #rows = new Map();
  /** @type {WeakMap<Element, RequestRow>} */
  #rowOfElement = new WeakMap();
  /** The rows of requests that have not ended. @type {Set<RequestRow>} */
  #running = new Set();
  /** The rows in or near the visible part of the chart. @type {Set<RequestRow>} */
  #visible = new Set();
  /** The rows that the next drawing must include: rows that became visible or whose requests ended. @type {Set<RequestRow>} */
  #outdated = new Set();
  #visibility = new IntersectionObserver((entries) => this.#onIntersection(entries), {
    root: this.#chart,
    // Rows within 100 px of the edge are drawn in advance, so that scrolling shows finished bars.
    rootMargin: "100px",
  });

  /** The length of the time axis, in milliseconds. */
  get length() {
    return this.#axis.length;
  }

  /**
   * Adds a row for each request.
   *
   * @param {TrackedRequest[]} requests
   */
  add(requests) {
    const rows = requests.map((request) => new RequestRow(request));
    for (const row of rows) {
      this.#rows.set(row.request, row);
      this.#rowOfElement.set(row.element, row);
      this.#running.add(row);
      this.#visibility.observe(row.element);
    }
    this.#list.append(...rows.map((row) => row.element));
    this.#empty.hidden = this.#rows.size > 0;
    this.#autoScroll.enable();
    this.#rovingTabindex.scheduleUpdate();
  }

  /**
   * Shows the new state of a request.
   *
   * @param {TrackedRequest} request
   */
  updateState(request) {
    const row = this.#rows.get(request);
    if (!row) return;
    row.updateState();
    if (!request.isEnded) return;
    this.#running.delete(row);
    this.#outdated.add(row);
    this.#rovingTabindex.scheduleUpdate();
  }

  /**
   * Draws the axis and the rows that changed.
   *
   * @param {number} now in milliseconds
   * @param {boolean} isRunning whether a request runs
   */
  draw(now, isRunning) {
    const hasNewLength = this.#axis.fit(now);
    this.#axis.showNow(now, isRunning);
    // The last drawing includes all rows, because invisible rows were left out before.
    if (!isRunning) this.#outdated = new Set(this.#rows.values());
    for (const row of this.#visible) if (hasNewLength || this.#running.has(row)) this.#outdated.add(row);
    for (const row of this.#outdated) row.draw(now, this.#axis.length);
    this.#outdated.clear();
    if (isRunning) this.#autoScroll.scrollTo(this.#firstActiveRow());
  }

  /** Removes all rows. */
  clear() {
    for (const row of this.#rows.values()) this.#visibility.unobserve(row.element);
    for (const rows of [this.#rows, this.#running, this.#visible, this.#outdated]) rows.clear();
    this.#list.replaceChildren();
    this.#empty.hidden = false;
    this.#chart.scrollTop = 0;
  }

  /** Scrolls the window to the chart if the chart is not visible. On a small screen the chart is below the form. */
  scrollIntoView() {
    const panel = elementById("run");
    if (panel.getBoundingClientRect().top < innerHeight * visibleShare) return;
    const isReduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
    panel.scrollIntoView({ behavior: isReduced ? "instant" : "smooth" });
  }

  /** Returns the element of the first row with an active or streaming request. */
  #firstActiveRow() {
    for (const { element, request } of this.#running) {
      if (request.state === "active" || request.state === "streaming") return element;
    }
    return undefined;
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #onIntersection(entries) {
    for (const { target, isIntersecting } of entries) {
      const row = this.#rowOfElement.get(target);
      // The observer can still report rows that `clear` removed.
      if (!row || !this.#rows.has(row.request)) continue;
      if (isIntersecting) {
        this.#outdated.add(row);
        this.#visible.add(row);
      } else {
        this.#visible.delete(row);
      }
    }
  }
}
