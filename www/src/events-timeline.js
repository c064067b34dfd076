/** The connections of a stream of events over time: a bar for each, a mark for each event, a gap where it was lost. */

/** The SVG's own units. */
const [width, height] = [1000, 40];
/** Milliseconds that the strip shows at least, and between two drawings. */
const [least, pause] = [8000, 200];

export class EventsStrip {
  #svg;
  #paths;
  #began = 0;
  /** @type {{ from: number, to?: number }[]} */
  #connections = [];
  /** @type {number[]} */
  #marks = [];
  #timer = 0;

  /** @param {HTMLElement} panel */
  constructor(panel) {
    this.#svg = find(panel, ".strip");
    this.#paths = { lost: find(panel, ".strip .lost"), connected: find(panel, ".strip .connected"), marks: find(panel, ".strip .marks") };
  }

  now() {
    return performance.now() - this.#began;
  }

  begin() {
    this.#began = performance.now();
    [this.#connections, this.#marks] = [[], []];
    this.#timer = window.setInterval(() => this.#draw(this.now()), pause);
  }

  connect() {
    this.#connections.push({ from: this.now() });
  }

  mark() {
    this.#marks.push(this.now());
  }

  /** Ends the connection; the result is whether there was one. */
  lose() {
    const last = this.#connections.at(-1);
    if (!last || last.to !== undefined) return false;
    last.to = this.now();
    return true;
  }

  end() {
    clearInterval(this.#timer);
    this.lose();
    this.#draw(this.now());
  }

  /** @param {number} now */
  #draw(now) {
    const length = Math.max(least, now);
    const at = (/** @type {number} */ time) => Number(((time / length) * width).toFixed(1));
    const bar = (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ tall) =>
      `M${at(from)} ${(height - tall) / 2}H${at(to)}v${tall}H${at(from)}z`;
    const gaps = this.#connections.map(({ to }, index) => (to === undefined ? "" : bar(to, this.#connections[index + 1]?.from ?? now, 4)));
    this.#paths.lost.setAttribute("d", gaps.join(""));
    this.#paths.connected.setAttribute("d", this.#connections.map(({ from, to }) => bar(from, to ?? now, 16)).join(""));
    this.#paths.marks.setAttribute("d", this.#marks.map((time) => `M${at(time)} 4V${height - 4}`).join(""));
    this.#svg.setAttribute("aria-label", `${this.#marks.length} events over ${this.#connections.length} connections`);
  }
}

/**
 * @param {HTMLElement} panel
 * @param {string} selector
 */
function find(panel, selector) {
  const found = panel.querySelector(selector);
  if (!found) throw new Error(`the page has no ${selector} where one should be`);
  return found;
}
