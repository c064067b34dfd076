/** The one animation loop: it runs only while requests do. */

const reduced = matchMedia("(prefers-reduced-motion: reduce)");

/** Milliseconds between two drawings for those who want less motion. */
const calm = 500;

export class Loop {
  #running = false;
  /** @type {number | undefined} */
  #frame;
  /** @type {number | undefined} */
  #timer;

  /** @param {(last: boolean) => void} draw told whether this is the last drawing for now */
  constructor(draw) {
    this.draw = draw;
  }

  start() {
    this.#running = true;
    this.drawOnce();
  }

  /** Ends the loop with a last drawing. */
  stop() {
    this.#running = false;
    this.drawOnce();
  }

  drawOnce() {
    clearTimeout(this.#timer);
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.draw(!this.#running);
      if (!this.#running) return;
      if (reduced.matches) this.#timer = window.setTimeout(() => this.drawOnce(), calm);
      else this.drawOnce();
    });
  }
}
