/** The form: reading it, and keeping its parts in step. */

/**
 * @typedef {object} Settings
 * @property {number} maxActive
 * @property {number} requests
 * @property {"lab" | "url" | "simulated"} target
 * @property {string} lab the demo server's address
 * @property {string} url any URL
 * @property {number} head milliseconds
 * @property {number} spread percent
 * @property {number} chunks
 * @property {number} size of a chunk, KiB
 * @property {number} gap between two chunks, milliseconds
 * @property {number} failing percent
 * @property {{ queue?: number, head?: number, total?: number }} timeout milliseconds; only those that are set
 */

/**
 * @param {HTMLFormElement} form
 * @returns {Settings}
 */
export function readSettings(form) {
  const data = new FormData(form);
  const text = (/** @type {string} */ name) => String(data.get(name) ?? "").trim();
  const number = (/** @type {string} */ name) => Number(text(name));
  const limits = { queue: number("limitQueue"), head: number("limitHead"), total: number("limitTotal") };
  return {
    maxActive: number("maxActive"),
    requests: number("requests"),
    target: /** @type {Settings["target"]} */ (text("target")),
    lab: text("lab"),
    url: text("url"),
    head: number("head"),
    spread: number("spread"),
    chunks: number("chunks"),
    size: number("size"),
    gap: number("gap"),
    failing: number("failing"),
    timeout: Object.fromEntries(Object.entries(limits).filter(([, milliseconds]) => milliseconds > 0)),
  };
}

/**
 * Hides the fields that do not concern the chosen target; disabled, they are not validated either.
 *
 * @param {HTMLFormElement} form
 */
export function showFieldsOfTarget(form) {
  const target = String(new FormData(form).get("target"));
  for (const part of form.querySelectorAll("[data-for]")) {
    if (!(part instanceof HTMLElement)) continue;
    part.hidden = !part.dataset.for?.split(" ").includes(target);
    for (const input of part.querySelectorAll("input")) input.disabled = part.hidden;
  }
}

/**
 * Each slider and its number always say the same.
 *
 * @param {HTMLFormElement} form
 */
export function followSliders(form) {
  for (const slider of form.querySelectorAll("input[data-follows]")) {
    const number = form.querySelector(`#${slider.getAttribute("data-follows")}`);
    if (!(slider instanceof HTMLInputElement) || !(number instanceof HTMLInputElement)) continue;
    slider.value = number.value;
    slider.addEventListener("input", () => (number.value = slider.value));
    number.addEventListener("input", () => (slider.value = number.value));
  }
}

/**
 * A page on loopback is served by the demo server, most likely; any other host serves only files.
 *
 * @param {HTMLFormElement} form
 * @param {string} hostname
 */
export function targetOnLoad(form, hostname) {
  const loopback = ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  const choice = form.querySelector(`input[name="target"][value="${loopback ? "lab" : "simulated"}"]`);
  if (choice instanceof HTMLInputElement) choice.checked = true;
}
