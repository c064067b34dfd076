/** A column plot. The SVG is stretched to the available width, so its labels are HTML text around it. */
import { setText } from "./dom.js";

/** The size of the SVG in its own units. */
const width = 1000;
const height = 100;

export class Plot {
  figure = document.createElement("figure");
  #value = document.createElement("b");
  #maximum = document.createElement("span");
  #labels = document.createElement("div");
  #svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  /** The path of each series. @type {SVGPathElement[]} */
  #paths;

  /**
   * @param {string} title
   * @param {string[]} kinds the CSS class of each series, from the lowest to the highest of the stack
   */
  constructor(title, kinds) {
    this.figure.className = "plot";
    const caption = document.createElement("figcaption");
    const name = document.createElement("span");
    name.textContent = title;
    caption.append(name, this.#value);
    this.title = title;
    this.#maximum.className = "maximum";
    this.#maximum.ariaHidden = "true";
    this.#labels.className = "labels";
    this.#labels.ariaHidden = "true";
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#svg.setAttribute("preserveAspectRatio", "none");
    this.#svg.setAttribute("role", "img");
    this.#paths = kinds.map((kind) => {
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("class", kind);
      return path;
    });
    this.#svg.append(...this.#paths);
    this.figure.append(caption, this.#maximum, this.#svg, this.#labels);
  }

  /**
   * @param {number[][]} series
   * @param {number} top the value at the upper edge
   * @param {{ value: string, maximum: string, labels: string[], description: string }} texts
   */
  draw(series, top, { value, maximum, labels, description }) {
    const base = series[0].map(() => 0);
    // A plot without data has the top 0, which must not become a divisor.
    series.forEach((values, index) => this.#paths[index].setAttribute("d", columnPath(values, base, top || 1)));
    setText(this.#value, value);
    setText(this.#maximum, maximum);
    this.#svg.setAttribute("aria-label", `${this.title}: ${description}`);
    if (this.#labels.textContent === labels.join("")) return;
    this.#labels.replaceChildren(
      ...labels.map((label) => Object.assign(document.createElement("span"), { textContent: label })),
    );
  }
}

/**
 * Returns the SVG path of a series and adds the heights of its columns to `base`.
 *
 * @param {number[]} values
 * @param {number[]} base the height of the stack below each column
 * @param {number} top
 */
function columnPath(values, base, top) {
  const step = width / values.length;
  const gap = Math.min(4, step * 0.15);
  return values
    .map((value, index) => {
      const columnHeight = (value / top) * height;
      const bottom = height - base[index];
      base[index] += columnHeight;
      if (columnHeight <= 0) return "";
      const left = index * step + gap / 2;
      const columnWidth = step - gap;
      return `M${left.toFixed(1)} ${bottom.toFixed(1)}v${(-columnHeight).toFixed(1)}h${columnWidth.toFixed(1)}v${columnHeight.toFixed(1)}z`;
    })
    .join("");
}

/**
 * Returns a round number (1, 2, 3, 5 or 10 times a power of ten) that is not less than the value.
 *
 * @param {number} value
 */
export function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 3, 5, 10].map((factor) => factor * power).find((round) => round >= value) ?? 10 * power;
}
