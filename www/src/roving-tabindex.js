/**
 * Keyboard access to the abort buttons by the roving tabindex pattern.
 *
 * All buttons together are a single stop of the Tab key. The arrow keys, Home and End move between the enabled buttons.
 */

export class RovingTabindex {
  /** The button that the Tab key reaches. @type {HTMLElement | undefined} */
  #current;
  #isUpdateScheduled = false;

  /** @param {HTMLElement} list the parent of the rows */
  constructor(list) {
    this.list = list;
    list.addEventListener("keydown", (event) => this.#onKey(event));
    list.addEventListener("focusin", ({ target }) => {
      if (target instanceof HTMLElement && target.matches(".abort")) this.#setCurrent(target);
    });
    list.addEventListener("focusout", () => this.scheduleUpdate());
  }

  /**
   * Selects another button if the current button is disabled or removed.
   *
   * The update runs in a microtask: when many requests end together, a single search is enough.
   */
  scheduleUpdate() {
    if (this.#isUpdateScheduled) return;
    this.#isUpdateScheduled = true;
    queueMicrotask(() => {
      this.#isUpdateScheduled = false;
      const current = this.#current;
      // A focused button stays the stop even when it is disabled, so that the focus is not lost.
      if (current?.isConnected && (isEnabled(current) || current === document.activeElement)) return;
      this.#setCurrent(this.#enabledButtons()[0]);
    });
  }

  /** @param {HTMLElement | undefined} button */
  #setCurrent(button) {
    if (this.#current) this.#current.tabIndex = -1;
    if (button) button.tabIndex = 0;
    this.#current = button;
  }

  /** @returns {HTMLElement[]} */
  #enabledButtons() {
    return [...this.list.querySelectorAll('.abort:not([aria-disabled="true"])')].filter((button) => button instanceof HTMLElement);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const { target, key } = event;
    if (!(target instanceof HTMLElement) || !target.matches(".abort")) return;
    const buttons = this.#enabledButtons();
    const isOnSide = (/** @type {number} */ side) => (/** @type {HTMLElement} */ button) =>
      Boolean(target.compareDocumentPosition(button) & side);
    // The focused button may be disabled and thus missing from `buttons`, so its position in the document decides.
    const find = {
      ArrowDown: () => buttons.find(isOnSide(Node.DOCUMENT_POSITION_FOLLOWING)),
      ArrowUp: () => buttons.findLast(isOnSide(Node.DOCUMENT_POSITION_PRECEDING)),
      Home: () => buttons[0],
      End: () => buttons.at(-1),
    }[key];
    if (!find) return;
    event.preventDefault();
    find()?.focus();
  }
}

/** @param {HTMLElement} button */
function isEnabled(button) {
  return button.getAttribute("aria-disabled") !== "true";
}
