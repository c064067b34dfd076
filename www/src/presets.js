/** Settings worth seeing, each with what it shows. */
import { chooseTarget } from "./settings.js";

/** @typedef {Record<string, number | boolean>} Values by the names of the fields */

/** @type {{ name: string, shows: string, values: Values }[]} */
const presets = [
  {
    name: "Flaky server",
    shows: "A third of all attempts fails. The client tries again; plain fetch has to live with it.",
    values: { requests: 40, failing: 33, attempts: 6, baseDelay: 150, maxActive: 6 },
  },
  {
    name: "Busy server",
    shows: "The server takes four requests at a time and turns away the rest. The client asks for no more than that.",
    values: { requests: 60, capacity: 4, maxActive: 4, head: 250 },
  },
  {
    name: "Slow server",
    shows: "Some answers take too long. A limit ends such an attempt, and the next one may be quicker.",
    values: { requests: 24, head: 1200, spread: 100, limitHead: 1600, attempts: 3, baseDelay: 200, maxActive: 6 },
  },
  {
    name: "Priorities",
    shows: "A fifth of the requests is marked ▲ and goes before all that wait.",
    values: { requests: 60, high: 20, maxActive: 3, head: 150, chunks: 2 },
  },
  {
    name: "Rate limit",
    shows: "Four requests at once, then eight a second, however many slots are free.",
    values: { requests: 40, rate: 8, ratePer: 1000, rateBurst: 4, maxActive: 20, head: 200 },
  },
  {
    name: "Two origins",
    shows: "Every other request goes to a second origin; neither has more than two at once.",
    values: { requests: 40, maxActive: 10, maxActivePerOrigin: 2, secondOrigin: true, head: 250 },
  },
  {
    name: "A thousand",
    shows: "A thousand requests, twelve at a time.",
    values: { requests: 1000, maxActive: 12, head: 40, chunks: 1, size: 4 },
  },
];

/**
 * A button for each preset.
 *
 * @param {HTMLElement} box
 * @param {HTMLElement} note where it is said what the chosen one shows
 * @param {HTMLFormElement} form
 * @param {() => void} run
 */
export function offerPresets(box, note, form, run) {
  for (const { name, shows, values } of presets) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      for (const other of box.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
      note.textContent = shows;
      apply(form, values);
      run();
    });
    box.append(button);
  }
  // Whoever changes a setting has left the preset.
  form.addEventListener("input", (event) => {
    if (!event.isTrusted) return;
    for (const button of box.querySelectorAll("button")) button.setAttribute("aria-pressed", "false");
    note.textContent = "";
  });
}

/**
 * The values over the page's own; target and comparison stay as they were chosen. There is no demo server behind any URL.
 *
 * @param {HTMLFormElement} form
 * @param {Values} values
 */
function apply(form, values) {
  const before = new FormData(form);
  const target = String(before.get("target"));
  form.reset();
  chooseTarget(form, target === "url" ? "simulated" : target);
  for (const [name, value] of Object.entries({ failing: 0, attempts: 1, ...values, compare: before.has("compare") })) {
    const field = form.elements.namedItem(name);
    if (!(field instanceof HTMLInputElement)) continue;
    if (typeof value === "boolean") field.checked = value;
    else field.value = String(value);
  }
  for (const field of form.querySelectorAll("input[type=number]")) field.dispatchEvent(new Event("input", { bubbles: true }));
  form.dispatchEvent(new Event("change"));
}
