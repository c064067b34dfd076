/**
 * The web platform's own tests of fetch, with the engine's fetch and with the client's in its place:
 * `node test/wpt/index.mjs CHECKOUT [FILE_OR_FOLDER …]`, CHECKOUT being one of web-platform-tests and the rest within it, by default fetch/api.
 * Whatever passes with the engine's must pass with the client's. The last line counts what does and what does not.
 */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { startServer } from "./server.mjs";
import { find } from "./files.mjs";

const here = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const [checkout, ...only] = process.argv.slice(2);
/** Pages at a time. */
const PAGES = Number(process.env.PAGES ?? 2);
const PASS = 0;
const statuses = ["pass", "fail", "timeout", "did not run", "unmet precondition"];

/** The built package, as a script that puts the client's fetch where the engine's is: on the global object, or on what it inherits from. */
async function clientScript() {
  const contents = `import { Client } from "./dist/index.js";
    let owner = globalThis;
    while (!Object.hasOwn(owner, "fetch")) owner = Object.getPrototypeOf(owner);
    owner.fetch = new Client().fetch;
    globalThis.fetchIsTheClients = true;`;
  const { outputFiles } = await build({ stdin: { contents, resolveDir: here }, bundle: true, format: "iife", write: false, logLevel: "warning" });
  return outputFiles[0].text;
}

/** In the page: notes what the harness found. A page's tests end after its load event, so that this is in time. */
function collect() {
  if (self !== top) return;
  document.addEventListener("DOMContentLoaded", () => {
    self.add_completion_callback?.((tests, harness) => {
      self.found = { harness: harness.status, message: harness.message, tests: tests.map(({ name, status, message }) => ({ name, status, message })) };
    });
  });
}

/** Puts `script` before that of each worker; all other answers are left alone. The result tells how many there were. */
async function intoWorkers(page, script) {
  const session = await page.context().newCDPSession(page);
  let workers = 0;
  const replace = async ({ requestId, responseStatusCode = 200, responseHeaders = [] }) => {
    const { body, base64Encoded } = await session.send("Fetch.getResponseBody", { requestId });
    const headers = responseHeaders.filter(({ name }) => !/^content-(length|encoding)$/i.test(name));
    const whole = Buffer.concat([Buffer.from(script), Buffer.from(body, base64Encoded ? "base64" : "utf8")]).toString("base64");
    workers++;
    await session.send("Fetch.fulfillRequest", { requestId, responseCode: responseStatusCode, responseHeaders: headers, body: whole });
    // While answers are looked at, Chromium sends redirected requests without their Origin.
    await session.send("Fetch.disable");
  };
  // A page may be gone by then.
  session.on("Fetch.requestPaused", (paused) => void replace(paused).catch(() => undefined));
  await session.send("Fetch.enable", { patterns: [{ urlPattern: "*.any.worker.js*", requestStage: "Response" }] });
  return () => workers;
}

/** What one page finds, by the name of the test; the page as a whole counts as one. */
async function inPage(browser, { url, limit, worker }, script = "") {
  const context = await browser.newContext();
  let found, isThere;
  try {
    const page = await context.newPage();
    // Without a script as well: what such a worker is answered must not be a difference.
    const workers = worker ? await intoWorkers(page, script) : undefined;
    if (!worker) await page.addInitScript({ content: script });
    await page.addInitScript(collect);
    await page.goto(url, { timeout: limit, waitUntil: "commit" });
    const handle = await page.waitForFunction(() => self.found, undefined, { timeout: limit, polling: 50 });
    found = await handle.jsonValue();
    isThere = workers ? workers() > 0 : await page.evaluate(() => self.fetchIsTheClients === true);
  } catch (error) {
    // A page that takes too long, or goes elsewhere.
    found = { harness: 2, message: String(error), tests: [] };
    isThere = true;
  } finally {
    await context.close();
  }
  if (script && !isThere) throw new Error(`the client's fetch did not get into ${url}`);
  return new Map([["the page as a whole", { status: found.harness, message: found.message }], ...found.tests.map((test) => [test.name, test])]);
}

/** Where the client's outcome is worse than the engine's. */
function worse(engines, clients) {
  const passed = [...engines].filter(([, { status }]) => status === PASS);
  return passed.filter(([name]) => clients.get(name)?.status !== PASS).map(([name]) => name);
}

/** Both ways; what is worse is tried twice more, since a test may fail now and then with either. */
async function compare(browser, test, script) {
  const engines = await inPage(browser, test);
  const clients = await inPage(browser, test, script);
  let regressions = worse(engines, clients);
  const unsteady = [];
  for (let again = 0; again < 2 && regressions.length > 0; again++) {
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
  const sum = (list, field) => list.reduce((total, one) => total + (Array.isArray(one[field]) ? one[field].length : one[field]), 0);
  const row = (...cells) => console.log(cells.map((cell, at) => (at === 0 ? String(cell).padEnd(36) : String(cell).padStart(11))).join(""));
  row("", "pages", "tests", "engine's", "client's", "worse", "unsteady");
  for (const [folder, list] of [...folders].sort()) row(folder, list.length, ...["all", "engines", "clients", "regressions", "unsteady"].map((field) => sum(list, field)));
  row("in all", results.length, ...["all", "engines", "clients", "regressions", "unsteady"].map((field) => sum(results, field)));
  for (const { address, isWhole, regressions, unsteady } of results) {
    if (!isWhole) console.log(`not finished with the engine's fetch either, so that it says little: ${address}`);
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
        // The checkout's certificates are its own; a service worker would not be registered with a page's leave alone.
        "--ignore-certificate-errors",
        // A worker whose script went through our hands counts as one from elsewhere, which may not ask this machine.
        "--disable-features=LocalNetworkAccessChecks",
        // The names of the tests are this machine's, but for those that must not exist.
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
