/** The one animation loop: it runs only while requests do. */

const reduced = matchMedia("(prefers-reduced-motion: reduce)");

/** Milliseconds between two drawings for those who want less motion. */
const calm = 500;

export class Loop {
  #running = false;
  /** @type {number | undefined} */
  #frame;
  #drawn = -Infinity;

  /** @param {(last: boolean) => void} draw told whether this is the last drawing for now */
  constructor(draw) {
    this.draw = draw;
  }

  start() {
    this.#running = true;
    this.#request();
  }

  /** Ends the loop with a last drawing. */
  stop() {
    this.#running = false;
    this.#request();
  }

  drawOnce() {
    this.#request();
  }

  #request() {
    this.#frame ??= requestAnimationFrame((time) => {
      this.#frame = undefined;
      if (!this.#running || !reduced.matches || time - this.#drawn >= calm) {
        this.#drawn = time;
        this.draw(!this.#running);
      }
      if (this.#running) this.#request();
    });
  }
}
