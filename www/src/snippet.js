/** The code that does what the page does, in step with the settings. */
import { optionsOf } from "./client-options.js";

/**
 * @param {HTMLElement} box
 * @param {import("./settings.js").Settings} settings
 */
export function showSnippet(box, settings) {
  const options = Object.entries(optionsOf(settings)).flatMap(([name, value]) => [`  ${name}: `, live(written(value)), ",\n"]);
  const priority = settings.high > 0 ? [", {\n  waterspout: { ", live("priority: 5"), " },\n}"] : [];
  box.replaceChildren(
    ...[word("import"), " { Client } ", word("from"), " ", quoted('"waterspout"'), ";\n\n"],
    ...[word("const"), " client = ", word("new"), " Client({\n", ...options, "});\n"],
    ...[word("const"), " response = ", word("await"), " client.fetch(url", ...priority, ");"],
  );
}

/**
 * @param {unknown} value
 * @returns {string}
 */
function written(value) {
  if (typeof value !== "object" || value === null) return String(value);
  return `{ ${Object.entries(value).map(([name, part]) => `${name}: ${written(part)}`).join(", ")} }`;
}

const word = (/** @type {string} */ text) => coloured("word", text);
const quoted = (/** @type {string} */ text) => coloured("quoted", text);
const live = (/** @type {string} */ text) => coloured("live", text);

/**
 * @param {string} kind
 * @param {string} text
 */
function coloured(kind, text) {
  const span = document.createElement("span");
  span.className = kind;
  span.textContent = text;
  return span;
}
