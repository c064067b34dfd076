/** The animation loop of the page. It draws in each frame while requests run, and stops when no request runs. */

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

/** Milliseconds between two drawings if the reader prefers reduced motion. */
const reducedInterval = 500;

export class AnimationLoop {
  #isRunning = false;
  /** @type {number | undefined} */
  #frame;
  /** @type {number | undefined} */
  #timer;

  /** @param {(isLast: boolean) => void} draw receives whether the loop stops after this drawing */
  constructor(draw) {
    this.draw = draw;
  }

  start() {
    this.#isRunning = true;
    this.requestDraw();
  }

  /** Stops the loop after a last drawing. */
  stop() {
    this.#isRunning = false;
    this.requestDraw();
  }

  /** Draws in the next frame. A running loop then continues; a stopped loop draws only once. */
  requestDraw() {
    clearTimeout(this.#timer);
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined;
      this.draw(!this.#isRunning);
      if (!this.#isRunning) return;
      if (reducedMotion.matches) this.#timer = window.setTimeout(() => this.requestDraw(), reducedInterval);
      else this.requestDraw();
    });
  }
}
