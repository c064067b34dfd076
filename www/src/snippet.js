/** The code example: JavaScript that does what the current settings do. */
import { clientOptions, highPriority } from "./client-options.js";

/**
 * Shows the code for the settings.
 *
 * @param {HTMLElement} box
 * @param {import("./settings.js").Settings} settings
 */
export function showSnippet(box, settings) {
  const options = Object.entries(clientOptions(settings)).flatMap(([name, value]) => [`  ${name}: `, setting(literal(value)), ",\n"]);
  const hasPriority = settings.highPriority > 0;
  const init = hasPriority ? [", {\n  waterspout: { ", setting(`priority: ${highPriority}`), " },\n}"] : [];
  box.replaceChildren(
    ...[keyword("import"), " { Client } ", keyword("from"), " ", string('"waterspout"'), ";\n\n"],
    ...[keyword("const"), " client = ", keyword("new"), " Client({\n", ...options, "});\n"],
    ...[keyword("const"), " response = ", keyword("await"), " client.fetch(url", ...init, ");"],
  );
}

/**
 * Returns a value as JavaScript code.
 *
 * @param {unknown} value
 * @returns {string}
 */
function literal(value) {
  if (typeof value !== "object" || value === null) return String(value);
  return `{ ${Object.entries(value).map(([name, part]) => `${name}: ${literal(part)}`).join(", ")} }`;
}

const keyword = (/** @type {string} */ text) => coloured("keyword", text);
const string = (/** @type {string} */ text) => coloured("string", text);
/** Highlights a value that the settings determine. */
const setting = (/** @type {string} */ text) => coloured("setting", text);

/**
 * @param {string} kind the CSS class
 * @param {string} text
 */
function coloured(kind, text) {
  const span = document.createElement("span");
  span.className = kind;
  span.textContent = text;
  return span;
}
