/** One request's row: its bar, what became of it, its abort button. */
import { words } from "./counts.js";
import { element, inside, setText } from "./dom.js";
import { bytes, exact, seconds } from "./format.js";
import { phases } from "./life.js";

/** @typedef {import("./life.js").Life} Life */

const template = element("row", HTMLTemplateElement);

export class Bar {
  row = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
  #track = inside(this.row, ".track");
  #word = inside(this.row, ".word");
  #figures = inside(this.row, ".figures");
  #abort = inside(this.row, ".abort");
  #end = inside(this.#track, ".end");
  #segments = phases.map((phase) => inside(this.#track, `.${phase}`));
  /** What each segment's style says, so as not to write the same again. */
  #drawn = phases.map(() => "");

  /** @param {Life} life */
  constructor(life) {
    this.life = life;
    this.row.dataset.number = String(life.number);
    inside(this.row, ".number").textContent = String(life.number);
    this.#abort.setAttribute("aria-label", `Abort request ${life.number}`);
    this.#abort.addEventListener("click", () => life.abort());
    this.turn();
  }

  /** Shows the request's state; its times are drawn with the next frame. */
  turn() {
    const { life } = this;
    this.row.dataset.state = life.state;
    setText(this.#word, words[life.state]);
    if (life.over) this.#close();
    this.#track.setAttribute("aria-label", this.#description());
  }

  /**
   * @param {number} now
   * @param {number} length of the axis
   */
  draw(now, length) {
    const { life } = this;
    const end = life.ended ?? now;
    phases.forEach((phase, index) => {
      const from = life.began[phase];
      if (from === undefined) return;
      const next = phases[index + 1];
      const to = (next && life.began[next]) ?? end;
      const drawn = `${percent(from, length)} ${percent(to - from, length)}`;
      if (drawn === this.#drawn[index]) return;
      this.#drawn[index] = drawn;
      const { style } = this.#segments[index];
      [style.left, style.width] = drawn.split(" ");
    });
    if (life.over) this.#end.style.left = percent(end, length);
    setText(this.#figures, this.#figuresAt(end));
  }

  /** @param {number} now */
  #figuresAt(now) {
    const { state, began, bytes: read, status, over } = this.life;
    const since = now - (began.queued ?? now);
    if (state === "streaming") return bytes(read);
    if (!over) return seconds(since);
    return [state === "done" ? status : "", read > 0 ? bytes(read) : "", exact(since)].filter(Boolean).join(" · ");
  }

  /** The button stays where it is, so that the focus is not lost, but out of the way of the next Tab. */
  #close() {
    this.#abort.tabIndex = -1;
    this.#abort.setAttribute("aria-disabled", "true");
    const { problem } = this.life;
    if (!problem) return;
    const box = inside(this.row, ".problem");
    box.hidden = false;
    inside(box, "b").textContent = problem.title;
    inside(box, "span").textContent = problem.text;
  }

  #description() {
    const { life } = this;
    const parts = phases.flatMap((phase, index) => {
      const from = life.began[phase];
      const next = phases[index + 1];
      const to = (next && life.began[next]) ?? life.ended;
      return from === undefined || to === undefined ? [] : [`${words[phase]} for ${exact(to - from)}`];
    });
    return [`Request ${life.number}`, ...parts, words[life.state]].join(", ");
  }
}

/**
 * @param {number} part
 * @param {number} whole
 */
function percent(part, whole) {
  return `${((part / whole) * 100).toFixed(3)}%`;
}
