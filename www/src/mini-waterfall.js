/** A volley in small: a lane for each request, all in sight at once. */

/** @typedef {import("./tracked-request.js").Life} Life */

/** What is drawn in which of the page's colours. */
const colours = ["queued", "active", "waiting", "streaming", "failed", "timed-out", "aborted", "line"];

export class Lanes {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
  }

  /**
   * @param {Life[]} lives
   * @param {number} from when the volley began
   * @param {number} now
   * @param {number} length milliseconds from edge to edge
   */
  draw(lives, from, now, length) {
    const { canvas } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.round(side * devicePixelRatio));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const pen = canvas.getContext("2d");
    if (!pen) return;
    pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const colour = Object.fromEntries(colours.map((name) => [name, style.getPropertyValue(`--${name}`)]));
    const at = (/** @type {number} */ time) => ((time - from) / length) * width;
    const lane = height / Math.max(lives.length, 12);
    const thick = Math.max(1, lane * 0.72);
    lives.forEach(({ spans, ended, state }, index) => {
      const top = index * lane;
      const isBad = state !== "done" && ended !== undefined;
      for (const { phase, from: begin, to } of spans) {
        const [left, right] = [at(begin), at(to ?? now)];
        const thin = phase === "waiting" || phase === "queued";
        // The body of an answer that was no good.
        pen.fillStyle = colour[isBad && phase === "streaming" ? state : phase];
        pen.fillRect(left, thin ? top + thick * 0.35 : top, Math.max(1, right - left), thin ? Math.max(1, thick * 0.3) : thick);
      }
      if (!isBad) return;
      pen.fillStyle = colour[state];
      pen.fillRect(at(ended) - devicePixelRatio, top, 3 * devicePixelRatio, Math.max(thick, 2 * devicePixelRatio));
    });
  }

  /** @param {string} text */
  describe(text) {
    this.canvas.setAttribute("aria-label", text);
  }
}
