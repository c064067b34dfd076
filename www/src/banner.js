/** The banner above the page. It shows errors of the whole client; errors of a single request appear in its row. */

export class Banner {
  /** @param {HTMLElement} box */
  constructor(box) {
    this.box = box;
  }

  /**
   * Shows an error: its name and code, its message, and the message of its cause.
   *
   * @param {unknown} error
   */
  show(error) {
    const title = document.createElement("b");
    title.textContent = error instanceof Error ? [error.name, "code" in error ? error.code : ""].join(" ").trim() : "Error";
    const cause = error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message})` : "";
    const text = error instanceof Error ? `${error.message}${cause}` : String(error);
    this.box.replaceChildren(title, " ", text);
    this.box.hidden = false;
  }

  /** Hides the banner and removes its text. */
  hide() {
    this.box.hidden = true;
    this.box.replaceChildren();
  }
}
