/**
 * Compares the time of `client.fetch` with the time of the platform's fetch, in Node and in Chromium:
 * `node overhead.mjs SERVER [node] [chromium]`. SERVER is the program of the example `serve`, or the address of a running server.
 *
 * The contenders of a mode take turns in the same run. A figure is the median of the blocks' ratios, with the first and the third
 * quartile. Absolute times say more about the machine, so only the additional microseconds of a request are printed. `work` is the
 * processor time of the process, in Node. No time is asserted.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { inPage } from "../test/page.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const [given, ...wanted] = process.argv.slice(2);
if (!given) throw new Error("usage: node overhead.mjs SERVER [node] [chromium]");
const server = /^https?:/.test(given) ? undefined : spawn(given, ["--address", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "ignore"] });
const base = server ? String((await once(server.stdout, "data"))[0]) : given;
const lab = base.trim().replace(/\/$/, "");
const folder = mkdtempSync(path.join(tmpdir(), "waterspout-bench-"));

const engines = {
  node: async (use) => {
    const { modeNames, measure } = await import(pathToFileURL(path.join(folder, "modes.mjs")).href);
    return use(modeNames, (name) => measure(name, lab));
  },
  chromium: (use) =>
    inPage({ folder }, async (page) => {
      const modeNames = await page.evaluate(async () => (await import("/modes.mjs")).modeNames);
      return use(modeNames, (name) => page.evaluate(async ([name, lab]) => (await import("/modes.mjs")).measure(name, lab), [name, lab]));
    }),
};

/** Returns the quantile of `numbers` at `share`, between 0 and 1. */
function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (above - below) * (at - Math.floor(at));
}

function print(name, { times, blocks }) {
  const [first, ...others] = Object.keys(blocks.time);
  console.log(`\n${name}: ${first} takes ${((quantile(blocks.time[first], 0.5) / times) * 1000).toFixed(1)} µs a request`);
  for (const [clock, taken] of Object.entries(blocks)) {
    for (const other of others) {
      const ratios = taken[other].map((spent, block) => spent / taken[first][block]);
      const more = taken[other].map((spent, block) => ((spent - taken[first][block]) / times) * 1000);
      const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => quantile(ratios, share).toFixed(3));
      console.log(`  ${clock.padEnd(5)} ${other.padEnd(14)} x ${middle} (${low} to ${high}), ${quantile(more, 0.5).toFixed(1)} µs a request on top`);
    }
  }
}

try {
  await build({ entryPoints: [path.join(here, "modes.mjs")], outfile: path.join(folder, "modes.mjs"), bundle: true, format: "esm", logLevel: "warning" });
  for (const [engine, within] of Object.entries(engines)) {
    if (wanted.length > 0 && !wanted.includes(engine)) continue;
    console.log(`\n== ${engine}`);
    await within(async (names, measure) => {
      for (const name of names) print(name, await measure(name));
    });
  }
} finally {
  server?.kill();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
