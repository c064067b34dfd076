/** The timeline of an event stream: a bar for each connection, a mark for each event, a thin line for each lost connection. */

/** The size of the SVG in its own units. */
const width = 1000;
const height = 40;
/** The height of a bar and of a thin line, in SVG units. */
const barHeight = 16;
const gapHeight = 4;
/** The distance of an event mark from the upper and the lower edge, in SVG units. */
const markInset = 4;
/** The shortest time that the timeline covers, in milliseconds. */
const minLength = 8000;
/** Milliseconds between two drawings. */
const drawInterval = 200;

export class EventsTimeline {
  #svg;
  #paths;
  #began = 0;
  /** @type {{ from: number, to?: number }[]} */
  #connections = [];
  /** The time of each event. @type {number[]} */
  #events = [];
  #timer = 0;

  /** @param {HTMLElement} panel */
  constructor(panel) {
    this.#svg = svgDescendant(panel, ".timeline");
    this.#paths = {
      lost: svgDescendant(panel, ".timeline .lost"),
      connected: svgDescendant(panel, ".timeline .connected"),
      marks: svgDescendant(panel, ".timeline .marks"),
    };
  }

  /** Returns the milliseconds since `begin`. */
  now() {
    return performance.now() - this.#began;
  }

  /** Clears the timeline and draws it regularly until `end`. */
  begin() {
    this.#began = performance.now();
    this.#connections = [];
    this.#events = [];
    this.#timer = window.setInterval(() => this.#draw(this.now()), drawInterval);
  }

  /** Starts the bar of a connection. */
  connect() {
    this.#connections.push({ from: this.now() });
  }

  /** Adds the mark of an event. */
  addEvent() {
    this.#events.push(this.now());
  }

  /**
   * Ends the bar of the current connection.
   *
   * @returns {boolean} whether there was a connection
   */
  disconnect() {
    const last = this.#connections.at(-1);
    if (!last || last.to !== undefined) return false;
    last.to = this.now();
    return true;
  }

  /** Ends the current connection and draws for the last time. */
  end() {
    clearInterval(this.#timer);
    this.disconnect();
    this.#draw(this.now());
  }

  /** @param {number} now */
  #draw(now) {
    const length = Math.max(minLength, now);
    const x = (/** @type {number} */ time) => Number(((time / length) * width).toFixed(1));
    const bar = (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ size) =>
      `M${x(from)} ${(height - size) / 2}H${x(to)}v${size}H${x(from)}z`;
    // A gap lasts from the end of a connection to the start of the next connection.
    const gaps = this.#connections.map(({ to }, index) =>
      to === undefined ? "" : bar(to, this.#connections[index + 1]?.from ?? now, gapHeight),
    );
    const bars = this.#connections.map(({ from, to }) => bar(from, to ?? now, barHeight));
    const marks = this.#events.map((time) => `M${x(time)} ${markInset}V${height - markInset}`);
    this.#paths.lost.setAttribute("d", gaps.join(""));
    this.#paths.connected.setAttribute("d", bars.join(""));
    this.#paths.marks.setAttribute("d", marks.join(""));
    this.#svg.setAttribute("aria-label", `${this.#events.length} events over ${this.#connections.length} connections`);
  }
}

/**
 * @param {HTMLElement} panel
 * @param {string} selector
 */
function svgDescendant(panel, selector) {
  const found = panel.querySelector(selector);
  if (!found) throw new Error(`no element matches the selector "${selector}"`);
  return found;
}
