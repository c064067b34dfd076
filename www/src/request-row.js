/** The row of a request in the waterfall: number, bar, outcome, abort button. */
import { descendant, elementById, setText } from "./dom.js";
import { formatBytes, formatDuration, formatSeconds } from "./format.js";
import { stateLabels } from "./state-counts.js";

/** @typedef {import("./tracked-request.js").TrackedRequest} TrackedRequest */

const template = elementById("row", HTMLTemplateElement);

export class RequestRow {
  element = /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
  #button = descendant(this.element, ".abort");
  #track = descendant(this.element, ".track");
  #stateLabel = descendant(this.element, ".state-label");
  #metrics = descendant(this.element, ".metrics");
  #endMark = descendant(this.#track, ".end");
  /** An element for each span drawn so far, in the order of the spans. @type {HTMLElement[]} */
  #segments = [];
  /** The number of leading segments with their final size. A change of the axis length resets it to 0. */
  #finalSegments = 0;
  /** The axis length of the last drawing, in milliseconds. */
  #axisLength = 0;

  /** @param {TrackedRequest} request */
  constructor(request) {
    this.request = request;
    const { number, spec } = request;
    this.element.dataset.number = String(number);
    const marks = [spec.isHighPriority ? "▲" : "", spec.usesSecondOrigin ? "²" : ""];
    setText(descendant(this.element, ".number"), [...marks, number].join(""));
    this.element.classList.toggle("high", spec.isHighPriority);
    this.#button.setAttribute("aria-label", `Abort request ${number}`);
    this.#button.addEventListener("click", () => request.abort());
    this.updateState();
  }

  /** Shows the state of the request. `draw` shows the times, in the next animation frame. */
  updateState() {
    const { request } = this;
    this.element.dataset.state = request.state;
    setText(this.#stateLabel, stateLabels[request.state]);
    if (request.isEnded) this.#close();
    this.#track.setAttribute("aria-label", this.#description());
  }

  /**
   * Draws the bar and the metrics.
   *
   * @param {number} now in milliseconds
   * @param {number} axisLength in milliseconds
   */
  draw(now, axisLength) {
    const { request } = this;
    if (axisLength !== this.#axisLength) {
      this.#axisLength = axisLength;
      this.#finalSegments = 0;
    }
    for (; this.#finalSegments < request.spans.length; this.#finalSegments += 1) {
      const { from, to } = request.spans[this.#finalSegments];
      const { style } = this.#segment(this.#finalSegments);
      style.left = percent(from, axisLength);
      style.width = percent((to ?? now) - from, axisLength);
      // The span still grows, so the next drawing starts with it again.
      if (to === undefined) break;
    }
    const end = request.ended ?? now;
    if (request.isEnded) this.#endMark.style.left = percent(end, axisLength);
    setText(this.#metrics, this.#metricsAt(end));
  }

  /**
   * Returns the element of a span; creates the element at the first call.
   *
   * @param {number} index
   */
  #segment(index) {
    const { spans } = this.request;
    let segment = this.#segments[index];
    if (!segment) {
      segment = document.createElement("i");
      segment.className = spans[index].phase;
      this.#segments[index] = segment;
      this.#endMark.before(segment);
    }
    // A request waits for its next attempt only after an attempt failed.
    if (spans[index + 1]?.phase === "waiting") segment.classList.add("failed-attempt");
    return segment;
  }

  /** @param {number} now in milliseconds */
  #metricsAt(now) {
    const { state, began, bytes, status, isEnded, attempts } = this.request;
    const count = attempts > 1 ? `${attempts} attempts` : "";
    const parts = isEnded
      ? [state === "done" ? status : "", bytes > 0 ? formatBytes(bytes) : "", formatDuration(now - began), count]
      : [state === "streaming" ? formatBytes(bytes) : formatSeconds(now - began), count];
    return parts.filter(Boolean).join(" · ");
  }

  /** Shows the end of the request: disables the abort button and shows the problem, if there is a problem. */
  #close() {
    // The button stays in the document, so that the keyboard focus is not lost.
    this.#button.setAttribute("aria-disabled", "true");
    const { problem } = this.request;
    if (!problem) return;
    const box = descendant(this.element, ".problem");
    box.hidden = false;
    setText(descendant(box, "b"), problem.title);
    setText(descendant(box, "span"), problem.text);
  }

  /** Returns the text of the bar for screen readers. */
  #description() {
    const { number, spec, spans, state } = this.request;
    const phases = spans.flatMap(({ phase, from, to }) =>
      to === undefined ? [] : [`${stateLabels[phase]} for ${formatDuration(to - from)}`],
    );
    const marks = [spec.isHighPriority ? "high priority" : "", spec.usesSecondOrigin ? "second origin" : ""].filter(Boolean);
    return [`Request ${number}`, ...marks, ...phases, stateLabels[state]].join(", ");
  }
}

/**
 * @param {number} part
 * @param {number} whole
 */
function percent(part, whole) {
  return `${((part / whole) * 100).toFixed(3)}%`;
}
