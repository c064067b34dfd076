/** The entry of the page: connects the controls, the client and the drawings. */
import { AnimationLoop } from "./animation-loop.js";
import { Banner } from "./banner.js";
import { Comparison } from "./comparison.js";
import { elementById, setText } from "./dom.js";
import { EventsDemo } from "./events-demo.js";
import { addPresetButtons } from "./presets.js";
import { Runner } from "./runner.js";
import { chooseInitialTarget, linkSliders, openInvalidDetails, readSettings, showFieldsOfTarget } from "./settings.js";
import { Slots } from "./slots.js";
import { showSnippet } from "./snippet.js";
import { StateCounts } from "./state-counts.js";
import { Statistics } from "./statistics.js";
import { Stopwatch } from "./stopwatch.js";
import { eventsSource } from "./target.js";
import { Throughput } from "./throughput.js";
import { Waterfall } from "./waterfall.js";

/** @typedef {import("./tracked-request.js").TrackedRequest} TrackedRequest */

const form = elementById("settings", HTMLFormElement);
const banner = new Banner(elementById("banner"));
const stopwatch = new Stopwatch();
const runner = new Runner(stopwatch);
const waterfall = new Waterfall();
const counts = new StateCounts();
const slots = new Slots();
const throughput = new Throughput();
const statistics = new Statistics();
const comparison = new Comparison(stopwatch);
new EventsDemo(() => eventsSource(readSettings(form)));

/** Whether the comparison starts when the client has no running requests left. */
let isComparisonDue = false;

const loop = new AnimationLoop((isLast) => {
  const now = stopwatch.elapsed();
  const isRunning = runner.running > 0;
  waterfall.draw(now, isRunning);
  counts.draw(runner, now, !isRunning);
  slots.draw(runner, !isRunning);
  statistics.draw(runner, throughput, waterfall.length, !isRunning);
  comparison.draw(isLast);
});

runner.onChange = (/** @type {TrackedRequest} */ request) => {
  // A request that `clear` removed can still end.
  if (!runner.requests.has(request)) return;
  waterfall.updateState(request);
  if (!request.isEnded) return;
  const series = request.state === "done" ? throughput.done : throughput.failed;
  throughput.add(series, stopwatch.elapsed(), 1);
};
runner.onBytes = (/** @type {number} */ bytes) => throughput.add(throughput.bytes, stopwatch.elapsed(), bytes);
runner.onClientError = (/** @type {unknown} */ error) => banner.show(error);
runner.onIdle = () => {
  stopwatch.stop();
  if (isComparisonDue) runComparison();
  else stopLoopIfIdle();
};
comparison.onIdle = stopLoopIfIdle;

function stopLoopIfIdle() {
  if (runner.running === 0 && comparison.plainRun.running === 0) loop.stop();
}

function runComparison() {
  // The comparison needs a finished batch, so it waits until the client is idle.
  isComparisonDue = runner.running > 0;
  if (isComparisonDue || !comparison.run()) return stopLoopIfIdle();
  loop.start();
}

function send() {
  banner.hide();
  const settings = readSettings(form);
  stopwatch.start();
  loop.start();
  try {
    const batch = runner.prepare(settings);
    comparison.select(batch);
    isComparisonDue = settings.compare;
    // The rows must exist before the requests start, because a change of a request updates its row.
    waterfall.add(batch.requests);
    runner.send(batch);
    waterfall.scrollIntoView();
  } catch (error) {
    banner.show(error);
    if (runner.running === 0) runner.onIdle();
  }
}

function abortAll() {
  isComparisonDue = false;
  runner.abortAll();
  comparison.plainRun.abort();
}

function clear() {
  isComparisonDue = false;
  runner.clear();
  waterfall.clear();
  throughput.clear();
  comparison.clear();
  stopwatch.reset();
  banner.hide();
  loop.requestDraw();
  stopLoopIfIdle();
}

function togglePause() {
  try {
    runner.togglePause();
  } catch (error) {
    banner.show(error);
  }
  setText(elementById("pause"), runner.isPaused ? "Resume" : "Pause");
  slots.draw(runner);
}

/** Shows the settings as code and as slots. */
function showSettings() {
  const settings = readSettings(form);
  showSnippet(elementById("snippet"), settings);
  slots.setConfigured(settings.maxActive);
  slots.draw(runner);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
form.addEventListener("input", showSettings);
form.addEventListener("change", () => showFieldsOfTarget(form));
elementById("pause").addEventListener("click", togglePause);
elementById("abort-all").addEventListener("click", abortAll);
elementById("clear").addEventListener("click", clear);
elementById("compare-run").addEventListener("click", runComparison);
addPresetButtons(elementById("presets"), elementById("preset-note"), form, () => {
  clear();
  send();
});

// A canvas does not follow the colour scheme or the window size by itself.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => loop.requestDraw());
addEventListener("resize", () => loop.requestDraw());

void chooseInitialTarget(form, location.hostname);
linkSliders(form);
openInvalidDetails(form);
showFieldsOfTarget(form);
showSettings();
loop.requestDraw();
