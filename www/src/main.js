/** The page's wiring: what each control does. */
import { Banner } from "./banner.js";
import { Clock } from "./clock.js";
import { Counts } from "./counts.js";
import { element } from "./dom.js";
import { Loop } from "./loop.js";
import { Runner } from "./runner.js";
import { followSliders, readSettings, showFieldsOfTarget, targetOnLoad } from "./settings.js";
import { Slots } from "./slots.js";
import { showSnippet } from "./snippet.js";
import { Waterfall } from "./waterfall.js";

const form = element("settings", HTMLFormElement);
const banner = new Banner(element("banner"));
const clock = new Clock();
const runner = new Runner(clock);
const waterfall = new Waterfall();
const counts = new Counts();
const slots = new Slots();

const loop = new Loop((last) => {
  const now = clock.now();
  waterfall.draw(now, !last);
  counts.draw(runner, now, last);
  slots.draw(runner);
});

runner.onChange = (/** @type {import("./life.js").Life} */ life) => waterfall.turn(life);
runner.onFault = (/** @type {unknown} */ error) => banner.show(error);
runner.onIdle = () => {
  clock.stop();
  loop.stop();
};

function fire() {
  banner.hide();
  const settings = readSettings(form);
  clock.start();
  loop.start();
  try {
    const lives = runner.prepare(settings);
    waterfall.add(lives);
    runner.send(lives, settings);
    waterfall.scrollIntoView();
  } catch (error) {
    banner.show(error);
    if (runner.running === 0) runner.onIdle();
  }
}

function clear() {
  runner.clear();
  waterfall.clear();
  clock.reset();
  banner.hide();
  loop.drawOnce();
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
element("abort-all").addEventListener("click", () => runner.abortAll());
element("clear").addEventListener("click", clear);

targetOnLoad(form, location.hostname);
followSliders(form);
showFieldsOfTarget(form);
showSettings();
loop.drawOnce();
