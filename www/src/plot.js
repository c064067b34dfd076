/** A plot: columns in an SVG that is stretched to its place, its labels as text around it. */
import { setText } from "./dom.js";

/** The SVG's own units. */
const [width, height] = [1000, 100];

export class Plot {
  figure = document.createElement("figure");
  #value = document.createElement("b");
  #most = document.createElement("span");
  #labels = document.createElement("div");
  #svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  /** @type {SVGPathElement[]} */
  #paths;

  /**
   * @param {string} title
   * @param {string[]} kinds the class of each series; they are stacked in this order
   */
  constructor(title, kinds) {
    this.figure.className = "plot";
    const caption = document.createElement("figcaption");
    const name = document.createElement("span");
    name.textContent = title;
    caption.append(name, this.#value);
    this.title = title;
    this.#most.className = "most";
    this.#most.ariaHidden = "true";
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
    this.figure.append(caption, this.#most, this.#svg, this.#labels);
  }

  /**
   * @param {number[][]} series
   * @param {number} top the value at the upper edge
   * @param {{ value: string, most: string, labels: string[], description: string }} texts
   */
  draw(series, top, { value, most, labels, description }) {
    const base = series[0].map(() => 0);
    series.forEach((values, index) => this.#paths[index].setAttribute("d", columns(values, base, top || 1)));
    setText(this.#value, value);
    setText(this.#most, most);
    this.#svg.setAttribute("aria-label", `${this.title}: ${description}`);
    if (this.#labels.textContent === labels.join("")) return;
    this.#labels.replaceChildren(
      ...labels.map((label) => Object.assign(document.createElement("span"), { textContent: label })),
    );
  }
}

/**
 * A path of columns that stand on others; what they stand on is raised by them.
 *
 * @param {number[]} values
 * @param {number[]} base
 * @param {number} top
 */
function columns(values, base, top) {
  const step = width / values.length;
  const gap = Math.min(4, step * 0.15);
  return values
    .map((value, index) => {
      const tall = (value / top) * height;
      const from = height - base[index];
      base[index] += tall;
      const [left, wide] = [index * step + gap / 2, step - gap];
      return tall > 0 ? `M${left.toFixed(1)} ${from.toFixed(1)}v${(-tall).toFixed(1)}h${wide.toFixed(1)}v${tall.toFixed(1)}z` : "";
    })
    .join("");
}

/**
 * A round number not below the value.
 *
 * @param {number} value
 */
export function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 3, 5, 10].map((factor) => factor * power).find((round) => round >= value) ?? 10 * power;
}
