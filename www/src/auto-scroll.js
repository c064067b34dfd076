/** Scrolls the chart to the active requests, until the reader scrolls or focuses the chart. */

/** Milliseconds between two scroll steps. Each step costs a layout. */
const scrollInterval = 250;

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

export class AutoScroll {
  #isEnabled = false;
  #lastScrolled = 0;

  /** @param {HTMLElement} box the element that scrolls */
  constructor(box) {
    this.box = box;
    for (const type of ["wheel", "touchmove", "pointerdown", "keydown", "focusin"]) {
      box.addEventListener(type, () => (this.#isEnabled = false), { passive: true });
    }
  }

  /** Enables scrolling, unless the reader prefers reduced motion or the focus is inside the chart. */
  enable() {
    this.#isEnabled = !reducedMotion.matches && !this.box.contains(document.activeElement);
  }

  /**
   * Scrolls so that a row is visible, if scrolling is enabled.
   *
   * @param {HTMLElement | undefined} row
   */
  scrollTo(row) {
    if (!this.#isEnabled || !row || performance.now() - this.#lastScrolled < scrollInterval) return;
    this.#lastScrolled = performance.now();
    // The row ends up at a third of the height, so that finished rows above it stay visible too.
    this.box.scrollTop = row.offsetTop - this.box.clientHeight / 3;
  }
}
