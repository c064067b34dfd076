/** The settings form: reads its values and keeps its parts consistent. */

/**
 * @typedef {object} Settings
 * @property {number} requests the number of requests in a batch
 * @property {number} highPriority percent of the requests with high priority
 * @property {boolean} compare whether plain fetch repeats the batch afterwards
 * @property {number} maxActive
 * @property {number | undefined} maxActivePerOrigin
 * @property {number | undefined} maxQueued
 * @property {import("waterspout").Rate | undefined} rate
 * @property {boolean} secondOrigin whether every second request goes to a second origin
 * @property {number} attempts
 * @property {number} baseDelay milliseconds
 * @property {{ queue?: number, head?: number, request?: number, total?: number }} timeout milliseconds; contains only the timeouts that are set
 * @property {"lab" | "url" | "simulated"} target
 * @property {string} lab the address of the demo server
 * @property {string} url the address for the target "url"
 * @property {number} head milliseconds until the response head
 * @property {number} failing percent of the attempts that fail
 * @property {number} capacity the number of requests that the server takes at once; 0 for any number
 * @property {number} spread percent by which times vary
 * @property {number} chunks the number of chunks in a body
 * @property {number} size KiB of a chunk
 * @property {number} gap milliseconds between two chunks
 */

/** The period of a rate whose field is empty, in milliseconds. */
const defaultRatePeriod = 1000;

/**
 * @param {HTMLFormElement} form
 * @returns {Settings}
 */
export function readSettings(form) {
  const data = new FormData(form);
  const text = (/** @type {string} */ name) => String(data.get(name) ?? "").trim();
  const number = (/** @type {string} */ name) => Number(text(name));
  const optional = (/** @type {string} */ name) => (text(name) === "" ? undefined : number(name));
  const timeouts = { queue: number("limitQueue"), head: number("limitHead"), request: number("limitRequest"), total: number("limitTotal") };
  const rateRequests = optional("rate");
  const burst = optional("rateBurst");
  const per = number("ratePer") || defaultRatePeriod;
  return {
    requests: number("requests"),
    highPriority: number("highPriority"),
    compare: data.has("compare"),
    maxActive: number("maxActive"),
    maxActivePerOrigin: optional("maxActivePerOrigin"),
    maxQueued: optional("maxQueued"),
    rate: rateRequests ? { requests: rateRequests, per, ...(burst && { burst }) } : undefined,
    secondOrigin: data.has("secondOrigin"),
    attempts: number("attempts"),
    baseDelay: number("baseDelay"),
    timeout: Object.fromEntries(Object.entries(timeouts).filter(([, milliseconds]) => milliseconds > 0)),
    target: /** @type {Settings["target"]} */ (text("target")),
    lab: text("lab"),
    url: text("url"),
    head: number("head"),
    failing: number("failing"),
    capacity: number("capacity"),
    spread: number("spread"),
    chunks: number("chunks"),
    size: number("size"),
    gap: number("gap"),
  };
}

/**
 * Shows the fields that the selected target uses and hides the rest.
 *
 * @param {HTMLFormElement} form
 */
export function showFieldsOfTarget(form) {
  const target = String(new FormData(form).get("target"));
  for (const part of form.querySelectorAll("[data-targets]")) {
    if (!(part instanceof HTMLElement)) continue;
    part.hidden = !part.dataset.targets?.split(" ").includes(target);
    // The form validates hidden fields too, but not disabled fields.
    for (const input of part.querySelectorAll("input")) input.disabled = input.closest("[data-targets][hidden]") !== null;
  }
}

/**
 * Keeps each slider and its number field at the same value.
 *
 * @param {HTMLFormElement} form
 */
export function linkSliders(form) {
  for (const slider of form.querySelectorAll("input[data-slider-for]")) {
    const number = form.querySelector(`#${slider.getAttribute("data-slider-for")}`);
    if (!(slider instanceof HTMLInputElement) || !(number instanceof HTMLInputElement)) continue;
    const updateSlider = () => (slider.value = number.value);
    updateSlider();
    slider.addEventListener("input", () => (number.value = slider.value));
    number.addEventListener("input", updateSlider);
  }
}

/**
 * Opens the collapsed part of the form that contains an invalid field. The browser cannot focus a hidden field.
 *
 * @param {HTMLFormElement} form
 */
export function openInvalidDetails(form) {
  const open = (/** @type {Event} */ { target }) => {
    if (target instanceof Element) target.closest("details")?.setAttribute("open", "");
  };
  // The event "invalid" does not bubble, so the listener uses the capture phase.
  form.addEventListener("invalid", open, { capture: true });
}

/**
 * Selects the target when the page loads: the demo server if it serves the page, otherwise simulated requests.
 *
 * A page on a loopback address probably comes from the demo server, so a request checks that. Any other host serves
 * only files.
 *
 * @param {HTMLFormElement} form
 * @param {string} hostname
 */
export async function chooseInitialTarget(form, hostname) {
  const isLoopback = ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  chooseTarget(form, isLoopback ? "lab" : "simulated");
  if (!isLoopback) return;
  // Some hosts answer every request with the page itself, so the status alone proves nothing.
  const hello = await fetch("/lab/hello").then((response) => response.text()).catch(() => "");
  if (hello !== "hello" && new FormData(form).get("target") === "lab") chooseTarget(form, "simulated");
  showFieldsOfTarget(form);
}

/**
 * @param {HTMLFormElement} form
 * @param {string} target
 */
export function chooseTarget(form, target) {
  const radio = form.querySelector(`input[name="target"][value="${target}"]`);
  if (radio instanceof HTMLInputElement) radio.checked = true;
}
