/** The banner over the page: what concerns the client as a whole and not one request. */

export class Banner {
  /** @param {HTMLElement} box */
  constructor(box) {
    this.box = box;
  }

  /** @param {unknown} error */
  show(error) {
    const title = document.createElement("b");
    title.textContent = error instanceof Error ? [error.name, "code" in error ? error.code : ""].join(" ").trim() : "Error";
    const cause = error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message})` : "";
    const text = error instanceof Error ? `${error.message}${cause}` : String(error);
    this.box.replaceChildren(title, " ", text);
    this.box.hidden = false;
  }

  hide() {
    this.box.hidden = true;
    this.box.replaceChildren();
  }
}
