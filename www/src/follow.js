/** Keeps in sight where the requests are at work, until the reader scrolls or goes there. */

const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class Follow {
  #isOn = false;
  /** @type {HTMLElement | undefined} */
  #row;

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
    if (!this.#isOn || !row || row === this.#row) return;
    this.#row = row;
    this.box.scrollTop = row.offsetTop - this.box.clientHeight / 3;
  }
}
