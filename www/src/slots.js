/** The client's slots and its own numbers. */
import { element, setText } from "./dom.js";

/** Milliseconds between two looks at the client's numbers: it counts them when asked. */
const pause = 100;

export class Slots {
  #box = element("slots");
  #stats = element("stats");
  #earlier = element("earlier");
  #promised = 1;
  #drawn = "";
  #looked = -Infinity;

  /**
   * What the next client will have; shown while there is none that runs.
   *
   * @param {number} maxActive
   */
  promise(maxActive) {
    this.#promised = Math.min(50, Math.max(1, Math.floor(maxActive) || 1));
  }

  /**
   * @param {import("./runner.js").Runner} runner
   * @param {boolean} [last] whether nothing will change after this
   */
  draw(runner, last = true) {
    if (!last && performance.now() - this.#looked < pause) return;
    this.#looked = performance.now();
    const { active, queued } = runner.client?.stats() ?? { active: 0, queued: 0 };
    const count = runner.running > 0 ? runner.maxActive : this.#promised;
    setText(this.#stats, `client.stats() → { active: ${active}, queued: ${queued} }`);
    const drawn = `${active} of ${count} slots taken${runner.paused ? ", paused" : ""}`;
    this.#box.classList.toggle("paused", runner.paused);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#box.setAttribute("aria-label", drawn);
      this.#cells(active, count);
    }
    let others = -active;
    for (const life of runner.lives) if (life.state === "active") others += 1;
    setText(this.#earlier, others > 0 ? `and ${others} active at an earlier client` : "");
  }

  /**
   * @param {number} active
   * @param {number} count
   */
  #cells(active, count) {
    while (this.#box.childElementCount > count) this.#box.lastElementChild?.remove();
    while (this.#box.childElementCount < count) this.#box.append(document.createElement("i"));
    for (const [index, cell] of [...this.#box.children].entries()) cell.classList.toggle("taken", index < active);
  }
}
