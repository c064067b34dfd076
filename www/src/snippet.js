/** The code that does what the page does, in step with the settings. */

/** @typedef {import("./settings.js").Settings} Settings */

/**
 * @param {HTMLElement} box
 * @param {Settings} settings
 */
export function showSnippet(box, { maxActive, timeout }) {
  const limits = Object.entries(timeout).map(([name, milliseconds]) => `${name}: ${milliseconds}`);
  const init = limits.length > 0 ? [", {\n  waterspout: { timeout: { ", live(limits.join(", ")), " } },\n}"] : [];
  // Five lines either way: what is below should stay where it is.
  const between = limits.length > 0 ? ";\n" : ";\n\n";
  box.replaceChildren(
    ...[word("import"), " { Client } ", word("from"), " ", quoted('"waterspout"'), between],
    ...[word("const"), " client = ", word("new"), " Client({ maxActive: ", live(String(maxActive)), " })", between],
    ...[word("const"), " response = ", word("await"), " client.fetch(url", ...init, ");"],
  );
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
