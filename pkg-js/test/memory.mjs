/**
 * Checks that a hundred thousand requests of every kind through the same client leave no memory behind, in Node and in Chromium:
 * `node test/memory.mjs SERVER_URL [node] [chromium]`. Prints the held memory after each round. The last line counts the checks.
 */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { inPage } from "./page.mjs";

const here = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [base, ...wanted] = process.argv.slice(2);
const lab = base.replace(/\/$/, "");

/** The requests of each round. The first round warms up compilers and caches. A part of each round goes to the lab. */
const rounds = [30_000, 25_000, 25_000, 25_000];
const toTheLab = 2_550;

/** The bytes that a measured request may leave in the heap: compilers and caches still gain 1 or 2. */
const PER_REQUEST = 5;

/** Runs the rounds in this process. */
async function inNode(use) {
  setFlagsFromString("--expose-gc");
  globalThis.gc = runInNewContext("gc");
  // Node's fetch removes its listeners from a shared signal when garbage is collected, and warns until then.
  process.removeAllListeners("warning");
  const { collect } = await import("./memory/watch.mjs");
  const load = await import("./memory/load.mjs");
  const heap = () => ({ heap: getHeapStatistics().used_heap_size });
  return use({ run: (name, ...args) => load[name](...args), collect, heap });
}

/** Runs the rounds in a page, measured through the protocol of the developer tools. */
function inChromium(use) {
  return inPage({ folder: here, args: ["--js-flags=--expose-gc"] }, async (page) => {
    const tools = await page.context().newCDPSession(page);
    await tools.send("Performance.enable");
    const from = (module) => (name, ...args) => page.evaluate(async ([module, name, args]) => (await import(module))[name](...args), [module, name, args]);
    const [watch, run] = [from("/test/memory/watch.mjs"), from("/test/memory/load.mjs")];
    const collect = async () => {
      await watch("collect");
      await tools.send("HeapProfiler.collectGarbage");
    };
    const heap = async () => {
      const { metrics } = await tools.send("Performance.getMetrics");
      const metric = (wanted) => metrics.find(({ name }) => name === wanted).value;
      return { heap: (await tools.send("Runtime.getHeapUsage")).usedSize, allListeners: metric("JSEventListeners") };
    };
    return use({ run, collect, heap });
  });
}

const tally = { passed: 0, failed: 0 };

function check(name, holds, seen) {
  holds ? tally.passed++ : tally.failed++;
  console.log(`${holds ? "ok    " : "FAILED"} ${name}${seen === undefined ? "" : `: ${seen}`}`);
}

async function measure(engine, { run, collect, heap }) {
  const now = async () => {
    await collect();
    return { ...(await heap()), ...(await run("held")) };
  };
  const seen = [];
  let [measured, ofTheLab] = [0, 0];
  for (const [round, requests] of rounds.entries()) {
    const started = performance.now();
    const fromLab = await run("requests", toTheLab, lab);
    const answered = performance.now();
    const sent = fromLab + (await run("requests", requests - toTheLab));
    ofTheLab += fromLab;
    if (round > 0) measured += sent;
    const times = [answered - started, performance.now() - answered].map(Math.round).join(" and ");
    seen.push(await now());
    console.log(`${engine}: ${fromLab} requests to the lab and ${sent - fromLab} in place in ${times} ms, then held: ${JSON.stringify(seen.at(-1))}`);
  }
  const [before, after] = [seen[0], seen.at(-1)];
  const grown = (after.heap - before.heap) / measured;
  check(`${engine}: each kind had its outcome`, ofTheLab >= 10_000, `${JSON.stringify(await run("kindsDone"))}, ${ofTheLab} asked of the lab`);
  check(`${engine}: the core's memory does not grow`, after.memory === before.memory, `${before.memory} bytes, then ${after.memory}`);
  check(`${engine}: the heap does not grow`, grown < PER_REQUEST, `${grown.toFixed(2)} bytes a request, of ${PER_REQUEST}`);
  check(`${engine}: no timer is left`, after.timers === 0, after.timers);
  check(`${engine}: no listener is left on a signal that many requests shared`, after.listeners === 0, after.listeners);
  check(`${engine}: the client holds no request`, after.requests === 0, after.requests);
  if ("allListeners" in after) check(`${engine}: no listener is left in the page`, after.allListeners <= before.allListeners, `${before.allListeners}, then ${after.allListeners}`);
  await clients(engine, run, now);
  const outcomes = { ...(await run("bodies", lab)), ...(await run("dropped", lab)) };
  for (const [name, outcome] of Object.entries(outcomes)) check(`${engine}: ${name}`, outcome === "ended", outcome);
}

/** Checks that dropped clients are forgotten. */
async function clients(engine, run, now) {
  await run("clients", 1_000);
  const before = await now();
  await run("clients", 3_000);
  const after = await now();
  check(`${engine}: dropped clients leave no memory in the core`, after.memory === before.memory, `${before.memory} bytes, then ${after.memory}`);
  const grown = (after.heap - before.heap) / 3_000;
  check(`${engine}: dropped clients leave no memory in the heap`, grown < 10 * PER_REQUEST, `${grown.toFixed(2)} bytes a client`);
}

for (const [engine, within] of Object.entries({ node: inNode, chromium: inChromium })) {
  if (wanted.length > 0 && !wanted.includes(engine)) continue;
  await within((program) => measure(engine, program)).catch((error) => check(`${engine} runs`, false, error.stack));
}
console.log(`js-memory: ${tally.passed} passed, ${tally.failed} failed`);
process.exit(tally.failed > 0 ? 1 : 0);
