/**
 * Tests the packed package with bundlers, in a browser, and in Next's servers:
 * `BUNDLERS=FOLDER node test/bundlers/run.mjs SERVER_URL [NAME …]`. tests/setup.sh installs the bundlers in that folder.
 * The last line counts passed and failed checks.
 */
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { bundlers } from "./bundlers.mjs";
import { next } from "./next.mjs";
import { install } from "./projects.mjs";

const [lab, ...names] = process.argv.slice(2);
const folder = process.env.BUNDLERS;
if (!lab || !folder) {
  console.error("usage: BUNDLERS=FOLDER node test/bundlers/run.mjs SERVER_URL [NAME …]");
  process.exit(2);
}
const all = { ...bundlers, ...next };
const unknown = names.filter((name) => !all[name]);
if (unknown.length > 0) throw new Error(`unknown bundler ${unknown}; the bundlers are ${Object.keys(all).join(" ")}`);

let passed = 0;
let failed = 0;

/** Counts a check. `holds` throws if `fact` is false. */
async function check(fact, holds) {
  const started = performance.now();
  try {
    await holds();
    passed += 1;
    console.log(`ok     ${fact} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    // A bundler may print the whole package when it fails.
    console.log(`FAILED ${fact}\n${String(error.stack ?? error).slice(0, 4000)}\n`);
  }
}

mkdirSync(folder, { recursive: true });
const projects = install(folder);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  for (const name of names.length > 0 ? names : Object.keys(all)) {
    const matrix = { name, folder, projects, browser, lab: lab.replace(/\/$/, ""), check: (fact, holds) => check(`${name}: ${fact}`, holds) };
    await all[name](matrix).catch((error) => matrix.check("it runs to its end", () => Promise.reject(error)));
  }
} finally {
  await browser.close();
}
console.log(`bundlers: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
