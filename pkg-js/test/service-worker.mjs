/**
 * Runs the scenarios of events in a service worker of Chromium. There `import()` is refused.
 *
 * The page only registers the worker and passes its results on.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import { inChromium } from "./browsers.mjs";

/** The page's module. The worker answers over a channel, because it does not control the page. */
const page = `export async function run() {
  const channel = new BroadcastChannel("results");
  const results = new Promise((resolve) => (channel.onmessage = ({ data }) => resolve(data)));
  await navigator.serviceWorker.register("./service-worker/main.js", { type: "module" });
  return results;
}`;

/** The worker's module. Without an event that waits, the browser ends the worker after 30 seconds. */
const worker = (base) => `import { eventScenarios } from "./events.mjs";
async function run() {
  const results = [];
  for (const [name, scenario] of Object.entries(eventScenarios)) {
    let timer;
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("took over 10 s")), 10_000)));
    const running = scenario({ url: (experiment) => ${JSON.stringify(`${base.replace(/\/$/, "")}/lab/`)} + experiment }, { streams: false });
    const error = await Promise.race([running, late]).then(() => undefined, (error) => String(error?.stack ?? error));
    clearTimeout(timer);
    results.push({ name, error });
  }
  new BroadcastChannel("results").postMessage(results);
}
addEventListener("install", (event) => event.waitUntil(run()));`;

export async function inServiceWorker(user, base) {
  writeFileSync(path.join(user, "register.mjs"), page);
  const stdin = { contents: worker(base), resolveDir: user, sourcefile: "main.js" };
  // With splitting, a lazy import remains an `import()`, as in the output of other bundlers.
  await build({ stdin, bundle: true, format: "esm", splitting: true, outdir: path.join(user, "service-worker"), entryNames: "main", logLevel: "warning" });
  return inChromium(user, { module: "./register.mjs", base, name: "js-service-worker" });
}
