/** Keeps in sight where the requests are at work, until the reader scrolls or goes there. */

/** Milliseconds between two steps: each costs a layout. */
const pause = 250;

const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class Follow {
  #isOn = false;
  #moved = 0;

  /** @param {HTMLElement} box what scrolls */
  constructor(box) {
    this.box = box;
    for (const type of ["wheel", "touchmove", "pointerdown", "keydown", "focusin"]) {
      box.addEventListener(type, () => (this.#isOn = false), { passive: true });
    }
  }

  begin() {
    this.#isOn = !calm.matches && !this.box.contains(document.activeElement);
  }

  /** @param {HTMLElement | undefined} row */
  to(row) {
    if (!this.#isOn || !row || performance.now() - this.#moved < pause) return;
    this.#moved = performance.now();
    this.box.scrollTop = row.offsetTop - this.box.clientHeight / 3;
  }
}
