/** The form: reading it, and keeping its parts in step. */

/**
 * @typedef {object} Settings
 * @property {number} requests
 * @property {number} high percent of them with a higher priority
 * @property {boolean} compare whether plain fetch is to do the same afterwards
 * @property {number} maxActive
 * @property {number | undefined} maxActivePerOrigin
 * @property {number | undefined} maxQueued
 * @property {import("waterspout").Rate | undefined} rate
 * @property {boolean} secondOrigin whether every other request goes there
 * @property {number} attempts
 * @property {number} baseDelay milliseconds
 * @property {{ queue?: number, head?: number, total?: number }} timeout milliseconds; only those that are set
 * @property {"lab" | "url" | "simulated"} target
 * @property {string} lab the demo server's address
 * @property {string} url any URL
 * @property {number} head milliseconds
 * @property {number} failing percent of the attempts
 * @property {number} capacity how many requests the server takes at once; 0 for any number
 * @property {number} spread percent
 * @property {number} chunks
 * @property {number} size of a chunk, KiB
 * @property {number} gap between two chunks, milliseconds
 */

/**
 * @param {HTMLFormElement} form
 * @returns {Settings}
 */
export function readSettings(form) {
  const data = new FormData(form);
  const text = (/** @type {string} */ name) => String(data.get(name) ?? "").trim();
  const number = (/** @type {string} */ name) => Number(text(name));
  const optional = (/** @type {string} */ name) => (text(name) === "" ? undefined : number(name));
  const limits = { queue: number("limitQueue"), head: number("limitHead"), total: number("limitTotal") };
  const [requests, burst] = [optional("rate"), optional("rateBurst")];
  return {
    requests: number("requests"),
    high: number("high"),
    compare: data.has("compare"),
    maxActive: number("maxActive"),
    maxActivePerOrigin: optional("maxActivePerOrigin"),
    maxQueued: optional("maxQueued"),
    rate: requests ? { requests, per: number("ratePer") || 1000, ...(burst && { burst }) } : undefined,
    secondOrigin: data.has("secondOrigin"),
    attempts: number("attempts"),
    baseDelay: number("baseDelay"),
    timeout: Object.fromEntries(Object.entries(limits).filter(([, milliseconds]) => milliseconds > 0)),
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
 * Hides the fields that do not concern the chosen target; disabled, they are not validated either.
 *
 * @param {HTMLFormElement} form
 */
export function showFieldsOfTarget(form) {
  const target = String(new FormData(form).get("target"));
  for (const part of form.querySelectorAll("[data-for]")) {
    if (!(part instanceof HTMLElement)) continue;
    part.hidden = !part.dataset.for?.split(" ").includes(target);
    for (const input of part.querySelectorAll("input")) input.disabled = input.closest("[data-for][hidden]") !== null;
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
    const follow = () => (slider.value = number.value);
    follow();
    slider.addEventListener("input", () => (number.value = slider.value));
    number.addEventListener("input", follow);
  }
}

/**
 * A field that is wrong must be seen: what is folded away opens.
 *
 * @param {HTMLFormElement} form
 */
export function unfoldMistakes(form) {
  const unfold = (/** @type {Event} */ { target }) => {
    if (target instanceof Element) target.closest("details")?.setAttribute("open", "");
  };
  form.addEventListener("invalid", unfold, { capture: true });
}

/**
 * A page on loopback is served by the demo server, most likely, which is asked; any other host serves only files.
 *
 * @param {HTMLFormElement} form
 * @param {string} hostname
 */
export async function targetOnLoad(form, hostname) {
  const isLoopback = ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  chooseTarget(form, isLoopback ? "lab" : "simulated");
  if (!isLoopback) return;
  // Some hosts answer whatever they are asked with the page itself.
  const hello = await fetch("/lab/hello").then((answer) => answer.text()).catch(() => "");
  if (hello !== "hello" && new FormData(form).get("target") === "lab") chooseTarget(form, "simulated");
  showFieldsOfTarget(form);
}

/**
 * @param {HTMLFormElement} form
 * @param {string} target
 */
export function chooseTarget(form, target) {
  const choice = form.querySelector(`input[name="target"][value="${target}"]`);
  if (choice instanceof HTMLInputElement) choice.checked = true;
}
