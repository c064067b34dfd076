/** The page's wiring: what each control does. */
import { Banner } from "./banner.js";
import { Clock } from "./stopwatch.js";
import { Compare } from "./comparison.js";
import { Counts } from "./state-counts.js";
import { element, setText } from "./dom.js";
import { EventsDemo } from "./events-demo.js";
import { Figures } from "./statistics.js";
import { Loop } from "./animation-loop.js";
import { offerPresets } from "./presets.js";
import { Runner } from "./runner.js";
import { followSliders, readSettings, showFieldsOfTarget, targetOnLoad, unfoldMistakes } from "./settings.js";
import { Slots } from "./slots.js";
import { showSnippet } from "./snippet.js";
import { eventsOf } from "./target.js";
import { Throughput } from "./throughput.js";
import { Waterfall } from "./waterfall.js";

/** @typedef {import("./tracked-request.js").Life} Life */

const form = element("settings", HTMLFormElement);
const banner = new Banner(element("banner"));
const clock = new Clock();
const runner = new Runner(clock);
const waterfall = new Waterfall();
const counts = new Counts();
const slots = new Slots();
const throughput = new Throughput();
const figures = new Figures();
const compare = new Compare(clock);
new EventsDemo(() => eventsOf(readSettings(form)));

/** Whether plain fetch is to run when the client has nothing left to do. */
let isPlainDue = false;

const loop = new Loop((last) => {
  const now = clock.now();
  const runs = runner.running > 0;
  waterfall.draw(now, runs);
  counts.draw(runner, now, !runs);
  slots.draw(runner, !runs);
  figures.draw(runner, throughput, waterfall.length, !runs);
  compare.draw(last);
});

runner.onChange = (/** @type {Life} */ life) => {
  // What was cleared away may still end.
  if (!runner.lives.has(life)) return;
  waterfall.turn(life);
  if (life.over) throughput.add(life.state === "done" ? throughput.done : throughput.failed, clock.now(), 1);
};
runner.onBytes = (/** @type {number} */ bytes) => throughput.add(throughput.bytes, clock.now(), bytes);
runner.onFault = (/** @type {unknown} */ error) => banner.show(error);
runner.onIdle = () => {
  clock.stop();
  if (isPlainDue) runPlain();
  else rest();
};
compare.onIdle = rest;

function rest() {
  if (runner.running === 0 && compare.plain.running === 0) loop.stop();
}

function runPlain() {
  // It is compared with a volley that is over.
  isPlainDue = runner.running > 0;
  if (isPlainDue || !compare.run()) return rest();
  loop.start();
}

function fire() {
  banner.hide();
  const settings = readSettings(form);
  clock.start();
  loop.start();
  try {
    const volley = runner.prepare(settings);
    compare.follow(volley);
    isPlainDue = settings.compare;
    waterfall.add(volley.lives);
    runner.send(volley);
    waterfall.scrollIntoView();
  } catch (error) {
    banner.show(error);
    if (runner.running === 0) runner.onIdle();
  }
}

function abortAll() {
  isPlainDue = false;
  runner.abortAll();
  compare.plain.abort();
}

function clear() {
  isPlainDue = false;
  runner.clear();
  waterfall.clear();
  throughput.clear();
  compare.clear();
  clock.reset();
  banner.hide();
  loop.drawOnce();
  rest();
}

function togglePause() {
  try {
    runner.togglePause();
  } catch (error) {
    banner.show(error);
  }
  setText(element("pause"), runner.paused ? "Resume" : "Pause");
  slots.draw(runner);
}

function showSettings() {
  const settings = readSettings(form);
  showSnippet(element("snippet"), settings);
  slots.promise(settings.maxActive);
  slots.draw(runner);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  fire();
});
form.addEventListener("input", showSettings);
form.addEventListener("change", () => showFieldsOfTarget(form));
element("pause").addEventListener("click", togglePause);
element("abort-all").addEventListener("click", abortAll);
element("clear").addEventListener("click", clear);
element("compare-run").addEventListener("click", runPlain);
offerPresets(element("presets"), element("preset-note"), form, () => {
  clear();
  fire();
});

// What is drawn on a canvas follows neither by itself.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => loop.drawOnce());
addEventListener("resize", () => loop.drawOnce());

void targetOnLoad(form, location.hostname);
followSliders(form);
unfoldMistakes(form);
showFieldsOfTarget(form);
showSettings();
loop.drawOnce();
