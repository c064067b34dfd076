/** The presets: groups of settings, each with a sentence about what it demonstrates. */
import { chooseTarget } from "./settings.js";

/** @typedef {Record<string, number | boolean>} Values values by the names of the form fields */

/** @type {{ name: string, description: string, values: Values }[]} */
const presets = [
  {
    name: "Flaky server",
    description: "A third of all attempts fail. The client retries them; plain fetch makes a single attempt.",
    values: { requests: 40, failing: 33, attempts: 6, baseDelay: 150, maxActive: 6 },
  },
  {
    name: "Busy server",
    description: "The server takes four requests at a time and rejects the rest. The client never sends more than four.",
    values: { requests: 60, capacity: 4, maxActive: 4, head: 250 },
  },
  {
    name: "Slow server",
    description: "Some responses take too long. A timeout ends such an attempt, and the next attempt may be faster.",
    values: { requests: 24, head: 1200, spread: 100, limitHead: 1600, attempts: 3, baseDelay: 200, maxActive: 6 },
  },
  {
    name: "Priorities",
    description: "A fifth of the requests have high priority (▲) and start before all other queued requests.",
    values: { requests: 60, highPriority: 20, maxActive: 3, head: 150, chunks: 2 },
  },
  {
    name: "Rate limit",
    description: "The client starts four requests at once, then eight per second, even if more slots are free.",
    values: { requests: 40, rate: 8, ratePer: 1000, rateBurst: 4, maxActive: 20, head: 200 },
  },
  {
    name: "Two origins",
    description: "Every second request goes to a second origin. Each origin has at most two active requests.",
    values: { requests: 40, maxActive: 10, maxActivePerOrigin: 2, secondOrigin: true, head: 250 },
  },
  {
    name: "A thousand",
    description: "A thousand requests, twelve at a time.",
    values: { requests: 1000, maxActive: 12, head: 40, chunks: 1, size: 4 },
  },
];

/**
 * Adds a button for each preset. A button applies its preset, shows the description and starts a run.
 *
 * @param {HTMLElement} box the parent of the buttons
 * @param {HTMLElement} note shows the description of the selected preset
 * @param {HTMLFormElement} form
 * @param {() => void} run
 */
export function addPresetButtons(box, note, form, run) {
  for (const { name, description, values } of presets) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      for (const other of box.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
      note.textContent = description;
      apply(form, values);
      run();
    });
    box.append(button);
  }
  // A setting that the reader changes deselects the preset. Events that `apply` dispatches are not trusted.
  form.addEventListener("input", (event) => {
    if (!event.isTrusted) return;
    for (const button of box.querySelectorAll("button")) button.setAttribute("aria-pressed", "false");
    note.textContent = "";
  });
}

/**
 * Resets the form and sets the values of a preset. The target and the comparison keep their current choice, except the
 * target "Any URL": it becomes "Simulated", because an arbitrary URL has no demo server.
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
  // Assigning a value dispatches no event, so the sliders and the code example need these events.
  for (const field of form.querySelectorAll("input[type=number]")) field.dispatchEvent(new Event("input", { bubbles: true }));
  form.dispatchEvent(new Event("change"));
}
