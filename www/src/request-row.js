/** One request's row: its bar, what became of it, its abort button. */
import { words } from "./state-counts.js";
import { element, inside, setText } from "./dom.js";
import { bytes, exact, seconds } from "./format.js";

/** @typedef {import("./tracked-request.js").Life} Life */

const template = element("row", HTMLTemplateElement);

export class Bar {
  row = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
  button = inside(this.row, ".abort");
  #track = inside(this.row, ".track");
  #word = inside(this.row, ".word");
  #figures = inside(this.row, ".figures");
  #end = inside(this.#track, ".end");
  /** One for each span that was drawn. @type {HTMLElement[]} */
  #segments = [];
  /** How many of them will not change any more, on an axis of this length. */
  #settled = 0;
  #length = 0;

  /** @param {Life} life */
  constructor(life) {
    this.life = life;
    const { number, plan } = life;
    this.row.dataset.number = String(number);
    setText(inside(this.row, ".number"), [plan.isHigh ? "▲" : "", plan.isElsewhere ? "²" : "", number].join(""));
    this.row.classList.toggle("high", plan.isHigh);
    this.button.setAttribute("aria-label", `Abort request ${number}`);
    this.button.addEventListener("click", () => life.abort());
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
    if (length !== this.#length) [this.#length, this.#settled] = [length, 0];
    for (; this.#settled < life.spans.length; this.#settled += 1) {
      const { from, to } = life.spans[this.#settled];
      const { style } = this.#segment(this.#settled);
      style.left = percent(from, length);
      style.width = percent((to ?? now) - from, length);
      if (to === undefined) break;
    }
    const end = life.ended ?? now;
    if (life.over) this.#end.style.left = percent(end, length);
    setText(this.#figures, this.#figuresAt(end));
  }

  /** @param {number} index */
  #segment(index) {
    const { spans } = this.life;
    let segment = this.#segments[index];
    if (!segment) {
      segment = document.createElement("i");
      segment.className = spans[index].phase;
      this.#segments[index] = segment;
      this.#end.before(segment);
    }
    if (spans[index + 1]?.phase === "waiting") segment.classList.add("in-vain");
    return segment;
  }

  /** @param {number} now */
  #figuresAt(now) {
    const { state, began, bytes: read, status, over, attempts } = this.life;
    const tries = attempts > 1 ? `${attempts} tries` : "";
    if (!over) return [state === "streaming" ? bytes(read) : seconds(now - began), tries].filter(Boolean).join(" · ");
    return [state === "done" ? status : "", read > 0 ? bytes(read) : "", exact(now - began), tries].filter(Boolean).join(" · ");
  }

  /** The button stays where it is, so that the focus is not lost. */
  #close() {
    this.button.setAttribute("aria-disabled", "true");
    const { problem } = this.life;
    if (!problem) return;
    const box = inside(this.row, ".problem");
    box.hidden = false;
    setText(inside(box, "b"), problem.title);
    setText(inside(box, "span"), problem.text);
  }

  #description() {
    const { number, plan, spans, state } = this.life;
    const parts = spans.flatMap(({ phase, from, to }) => (to === undefined ? [] : [`${words[phase]} for ${exact(to - from)}`]));
    const marks = [plan.isHigh ? "high priority" : "", plan.isElsewhere ? "second origin" : ""].filter(Boolean);
    return [`Request ${number}`, ...marks, ...parts, words[state]].join(", ");
  }
}

/**
 * @param {number} part
 * @param {number} whole
 */
function percent(part, whole) {
  return `${((part / whole) * 100).toFixed(3)}%`;
}
