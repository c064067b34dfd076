/**
 * Runs the fetch tests of web-platform-tests with the engine's fetch, and with the client's fetch in its place:
 * `node test/wpt/index.mjs CHECKOUT [FILE_OR_FOLDER …]`. CHECKOUT is a checkout of web-platform-tests. Files and folders are paths in it; the
 * default is fetch/api.
 *
 * Each test that passes with the engine's fetch must pass with the client's fetch. The last line counts passed and failed tests.
 */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { startServer } from "./server.mjs";
import { find } from "./files.mjs";

const here = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const [checkout, ...only] = process.argv.slice(2);
/** The number of pages at a time. */
const PAGES = Number(process.env.PAGES ?? 2);
const PASS = 0;
const statuses = ["pass", "fail", "timeout", "did not run", "unmet precondition"];

/** Returns a script that replaces the engine's fetch by the client's fetch, on the global object or on the prototype that has it. */
async function clientScript() {
  const contents = `import { Client } from "./dist/index.js";
    let owner = globalThis;
    while (!Object.hasOwn(owner, "fetch")) owner = Object.getPrototypeOf(owner);
    owner.fetch = new Client().fetch;
    globalThis.fetchIsTheClients = true;`;
  const { outputFiles } = await build({ stdin: { contents, resolveDir: here }, bundle: true, format: "iife", write: false, logLevel: "warning" });
  return outputFiles[0].text;
}

/** Runs in the page: records the results of the harness. A page's tests end after its load event, so the callback is set in time. */
function collect() {
  if (self !== top) return;
  document.addEventListener("DOMContentLoaded", () => {
    self.add_completion_callback?.((tests, harness) => {
      self.found = { harness: harness.status, message: harness.message, tests: tests.map(({ name, status, message }) => ({ name, status, message })) };
    });
  });
}

/** Puts `script` before the script of each worker. All other responses stay unchanged. Returns a function that counts the workers. */
async function intoWorkers(page, script) {
  const session = await page.context().newCDPSession(page);
  let workers = 0;
  const replace = async ({ requestId, responseStatusCode = 200, responseHeaders = [] }) => {
    const { body, base64Encoded } = await session.send("Fetch.getResponseBody", { requestId });
    const headers = responseHeaders.filter(({ name }) => !/^content-(length|encoding)$/i.test(name));
    const whole = Buffer.concat([Buffer.from(script), Buffer.from(body, base64Encoded ? "base64" : "utf8")]).toString("base64");
    workers++;
    await session.send("Fetch.fulfillRequest", { requestId, responseCode: responseStatusCode, responseHeaders: headers, body: whole });
    // While responses are intercepted, Chromium sends redirected requests without their Origin.
    await session.send("Fetch.disable");
  };
  // The page may be closed by then.
  session.on("Fetch.requestPaused", (paused) => void replace(paused).catch(() => undefined));
  await session.send("Fetch.enable", { patterns: [{ urlPattern: "*.any.worker.js*", requestStage: "Response" }] });
  return () => workers;
}

/** Returns the results of a page by the name of the test. The page as a whole is a test too. */
async function inPage(browser, { url, limit, worker }, script = "") {
  const context = await browser.newContext();
  let found, isThere;
  try {
    const page = await context.newPage();
    // This happens without a script too, so that the intercepted response is no difference between the two runs.
    const workers = worker ? await intoWorkers(page, script) : undefined;
    if (!worker) await page.addInitScript({ content: script });
    await page.addInitScript(collect);
    await page.goto(url, { timeout: limit, waitUntil: "commit" });
    const handle = await page.waitForFunction(() => self.found, undefined, { timeout: limit, polling: 50 });
    found = await handle.jsonValue();
    isThere = workers ? workers() > 0 : await page.evaluate(() => self.fetchIsTheClients === true);
  } catch (error) {
    // The page takes too long, or navigates to another page.
    found = { harness: 2, message: String(error), tests: [] };
    isThere = true;
  } finally {
    await context.close();
  }
  if (script && !isThere) throw new Error(`the client's fetch did not get into ${url}`);
  return new Map([["the page as a whole", { status: found.harness, message: found.message }], ...found.tests.map((test) => [test.name, test])]);
}

/** Returns the tests that pass with the engine's fetch and not with the client's fetch. */
function worse(engines, clients) {
  const passed = [...engines].filter(([, { status }]) => status === PASS);
  return passed.filter(([name]) => clients.get(name)?.status !== PASS).map(([name]) => name);
}

/** Runs a page with both functions. Regressions are run twice more, since a test may fail now and then with either function. */
async function compare(browser, test, script) {
  const engines = await inPage(browser, test);
  const clients = await inPage(browser, test, script);
  let regressions = worse(engines, clients);
  const unsteady = [];
  for (let repeat = 0; repeat < 2 && regressions.length > 0; repeat++) {
    const still = new Set(worse(await inPage(browser, test), await inPage(browser, test, script)));
    unsteady.push(...regressions.filter((name) => !still.has(name)));
    regressions = regressions.filter((name) => still.has(name));
  }
  const passes = (outcome) => [...outcome.values()].filter(({ status }) => status === PASS).length;
  const why = (name) => ({ name, ...(clients.get(name) ?? { status: 3, message: "" }) });
  const isWhole = engines.get("the page as a whole")?.status === PASS;
  return { ...test, isWhole, all: engines.size, engines: passes(engines), clients: passes(clients), regressions: regressions.map(why), unsteady };
}

function print(results) {
  const folders = new Map();
  for (const result of results) folders.set(path.dirname(result.file), [...(folders.get(path.dirname(result.file)) ?? []), result]);
  const sum = (list, field) => list.reduce((total, result) => total + (Array.isArray(result[field]) ? result[field].length : result[field]), 0);
  const row = (...cells) => console.log(cells.map((cell, at) => (at === 0 ? String(cell).padEnd(36) : String(cell).padStart(11))).join(""));
  row("", "pages", "tests", "engine's", "client's", "worse", "unsteady");
  for (const [folder, list] of [...folders].sort()) row(folder, list.length, ...["all", "engines", "clients", "regressions", "unsteady"].map((field) => sum(list, field)));
  row("total", results.length, ...["all", "engines", "clients", "regressions", "unsteady"].map((field) => sum(results, field)));
  for (const { address, isWhole, regressions, unsteady } of results) {
    if (!isWhole) console.log(`not finished with the engine's fetch either, so the comparison says little: ${address}`);
    for (const { name, status, message } of regressions) console.log(`WORSE ${address}: ${name}: ${statuses[status]}: ${message}`);
    for (const name of unsteady) console.log(`unsteady ${address}: ${name}`);
  }
  const regressions = sum(results, "regressions");
  console.log(`wpt: ${sum(results, "engines") - regressions} passed, ${regressions} failed`);
  return regressions;
}

async function main() {
  if (!checkout) throw new Error("the path of a checkout of web-platform-tests is missing");
  const server = await startServer(path.resolve(checkout));
  let browser;
  try {
    const tests = find(path.resolve(checkout), only.length > 0 ? only : ["fetch/api"], server);
    if (tests.length === 0) throw new Error(`no tests below ${only.join(" ")}`);
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        // The certificates are the checkout's own. Accepting them for a page is not enough: no service worker would be registered.
        "--ignore-certificate-errors",
        // A worker with an intercepted script counts as a worker of another network, which may not send requests to this machine.
        "--disable-features=LocalNetworkAccessChecks",
        // The hosts of the tests are this machine, except for hosts that must not exist.
        "--host-resolver-rules=MAP nonexistent.*.test ~NOTFOUND, MAP *.test 127.0.0.1",
      ],
    });
    const script = await clientScript();
    const results = [];
    const queue = tests.values();
    const work = async () => {
      for (const test of queue) {
        const result = await compare(browser, test, script);
        console.log(`${test.address}: ${result.engines} with the engine's, ${result.clients} with the client's, of ${result.all}`);
        results.push(result);
      }
    };
    await Promise.all(Array.from({ length: PAGES }, work));
    return print(results);
  } finally {
    await browser?.close();
    await server.stop();
  }
}

process.exitCode = (await main()) > 0 ? 1 : 0;
