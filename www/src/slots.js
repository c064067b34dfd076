/** The slots of the client, and its own statistics. */
import { elementById, setText } from "./dom.js";

/** Milliseconds between two calls of `client.stats()`. The client counts at each call. */
const statsInterval = 100;
/** The largest number of slots that the page draws before a client exists. */
const maxConfigured = 50;

export class Slots {
  #box = elementById("slots");
  #stats = elementById("stats");
  #earlierClients = elementById("earlier-clients");
  #configured = 1;
  /** The text of the last drawing. */
  #drawn = "";
  #lastDrawn = -Infinity;

  /**
   * Sets the slots of the next client. The page shows them while no request runs.
   *
   * @param {number} maxActive
   */
  setConfigured(maxActive) {
    this.#configured = Math.min(maxConfigured, Math.max(1, Math.floor(maxActive) || 1));
  }

  /**
   * @param {import("./runner.js").Runner} runner
   * @param {boolean} [isLast] whether to draw regardless of the interval
   */
  draw(runner, isLast = true) {
    if (!isLast && performance.now() - this.#lastDrawn < statsInterval) return;
    this.#lastDrawn = performance.now();
    const { active, queued } = runner.client?.stats() ?? { active: 0, queued: 0 };
    const count = runner.running > 0 ? runner.maxActive : this.#configured;
    setText(this.#stats, `client.stats() → { active: ${active}, queued: ${queued} }`);
    this.#box.classList.toggle("paused", runner.isPaused);
    const text = `${active} of ${count} slots in use${runner.isPaused ? ", paused" : ""}`;
    if (text !== this.#drawn) {
      this.#drawn = text;
      this.#box.setAttribute("aria-label", text);
      this.#drawCells(active, count);
    }
    // Active requests beyond the count of the current client belong to clients of earlier batches.
    let activeElsewhere = -active;
    for (const request of runner.requests) if (request.state === "active") activeElsewhere += 1;
    setText(this.#earlierClients, activeElsewhere > 0 ? `and ${activeElsewhere} active in earlier clients` : "");
  }

  /**
   * @param {number} active
   * @param {number} count
   */
  #drawCells(active, count) {
    while (this.#box.childElementCount > count) this.#box.lastElementChild?.remove();
    while (this.#box.childElementCount < count) this.#box.append(document.createElement("i"));
    for (const [index, cell] of [...this.#box.children].entries()) cell.classList.toggle("taken", index < active);
  }
}
