/** A small waterfall of a whole batch on a canvas, with a thin lane for each request. */

/** @typedef {import("./tracked-request.js").TrackedRequest} TrackedRequest */

/** The phases and outcomes that the drawing colours; each is also the name of a CSS variable. */
const colourNames = ["queued", "active", "waiting", "streaming", "failed", "timed-out", "aborted"];

/** A small batch is drawn as if it had this many requests, so that its lanes do not become thick. */
const minLanes = 12;
/** The part of a lane that its bar fills. */
const barShare = 0.72;
/** Position and thickness of a thin line, as parts of the bar's thickness. */
const thinOffset = 0.35;
const thinShare = 0.3;

export class MiniWaterfall {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
  }

  /**
   * @param {TrackedRequest[]} requests
   * @param {number} start the time at the left edge, in milliseconds
   * @param {number} now
   * @param {number} length the milliseconds from edge to edge
   */
  draw(requests, start, now, length) {
    const { canvas } = this;
    const width = Math.round(canvas.clientWidth * devicePixelRatio);
    const height = Math.round(canvas.clientHeight * devicePixelRatio);
    // Each assignment clears the canvas and allocates its pixels again, so it happens only when the size changes.
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    if (!context) return;
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const colours = Object.fromEntries(colourNames.map((name) => [name, style.getPropertyValue(`--${name}`)]));
    const x = (/** @type {number} */ time) => ((time - start) / length) * width;
    const laneHeight = height / Math.max(requests.length, minLanes);
    const barHeight = Math.max(1, laneHeight * barShare);
    requests.forEach(({ spans, ended, state }, index) => {
      const top = index * laneHeight;
      const hasFailed = state !== "done" && ended !== undefined;
      for (const { phase, from, to } of spans) {
        const left = x(from);
        const right = x(to ?? now);
        const isThin = phase === "waiting" || phase === "queued";
        // A failed request shows its body in the colour of the failure: the body belongs to an unusable response.
        context.fillStyle = colours[hasFailed && phase === "streaming" ? state : phase];
        const barTop = isThin ? top + barHeight * thinOffset : top;
        context.fillRect(left, barTop, Math.max(1, right - left), isThin ? Math.max(1, barHeight * thinShare) : barHeight);
      }
      if (!hasFailed) return;
      // A mark of three CSS pixels at the end, because the failed part may be too short to be visible.
      context.fillStyle = colours[state];
      context.fillRect(x(ended) - devicePixelRatio, top, 3 * devicePixelRatio, Math.max(barHeight, 2 * devicePixelRatio));
    });
  }

  /**
   * Sets the text of the drawing for screen readers.
   *
   * @param {string} text
   */
  describe(text) {
    this.canvas.setAttribute("aria-label", text);
  }
}
