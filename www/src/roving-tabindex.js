/** The abort buttons are one stop of the Tab key; the arrow keys, Home and End go from one to the next that can be pressed. */

export class TabStop {
  /** @type {HTMLElement | undefined} */
  #current;
  #isDue = false;

  /** @param {HTMLElement} list */
  constructor(list) {
    this.list = list;
    list.addEventListener("keydown", (event) => this.#onKey(event));
    list.addEventListener("focusin", ({ target }) => {
      if (target instanceof HTMLElement && target.matches(".abort")) this.#make(target);
    });
    list.addEventListener("focusout", () => this.settle());
  }

  /** Once this turn is over: a volley that ends as one has only one stop to find. */
  settle() {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      const current = this.#current;
      if (current?.isConnected && (isOpen(current) || current === document.activeElement)) return;
      this.#make(this.#openOnes()[0]);
    });
  }

  /** @param {HTMLElement | undefined} button */
  #make(button) {
    if (this.#current) this.#current.tabIndex = -1;
    if (button) button.tabIndex = 0;
    this.#current = button;
  }

  /** @returns {HTMLElement[]} */
  #openOnes() {
    return [...this.list.querySelectorAll('.abort:not([aria-disabled="true"])')].filter((button) => button instanceof HTMLElement);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const { target, key } = event;
    if (!(target instanceof HTMLElement) || !target.matches(".abort")) return;
    const open = this.#openOnes();
    const isAt = (/** @type {number} */ side) => (/** @type {HTMLElement} */ button) => Boolean(target.compareDocumentPosition(button) & side);
    const find = {
      ArrowDown: () => open.find(isAt(Node.DOCUMENT_POSITION_FOLLOWING)),
      ArrowUp: () => open.findLast(isAt(Node.DOCUMENT_POSITION_PRECEDING)),
      Home: () => open[0],
      End: () => open.at(-1),
    }[key];
    if (!find) return;
    event.preventDefault();
    find()?.focus();
  }
}

/** @param {HTMLElement} button */
function isOpen(button) {
  return button.getAttribute("aria-disabled") !== "true";
}
