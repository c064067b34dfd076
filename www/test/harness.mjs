/** What the tests of the page share: counting checks, opening pages, firing volleys. */
import { createRequire } from "node:module";

const require = createRequire(new URL("../../pkg-js/package.json", import.meta.url));
const { chromium } = require("playwright-core");

/** The page's URL: first where the lab serves it, then as files under a host that has nothing else. */
export const places = { lab: process.argv[2] ?? "", files: "" };

export const axe = require.resolve("axe-core/axe.min.js");

let passed = 0;
let failed = 0;

export function check(fact, holds, seen) {
  if (holds) passed += 1;
  else failed += 1;
  console.log(`${holds ? "ok  " : "FAIL"} ${fact}${holds ? "" : `: ${JSON.stringify(seen)}`}`);
}

/** What came of all checks. */
export const result = () => ({ passed, failed });

let browser;

export async function launch() {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      // A name that is not loopback, for the files.
      "--host-resolver-rules=MAP files.test 127.0.0.1",
    ],
  });
  return browser;
}

/** Pages that no group uses now, by their settings: to load the page anew costs less than another one. @type {Map<string, object[]>} */
const free = new Map();

/**
 * A page loaded anew, with its console watched. A step that never comes to its state is a failed check, not a lost run.
 *
 * @param {string} name
 * @param {(opened: { page: import("playwright-core").Page, errors: string[] }) => Promise<void>} steps
 * @param {{ at?: string, context?: object, prepare?: (context: object) => Promise<void> }} [settings]
 */
export async function group(name, steps, { at = places.lab, context: options = {}, prepare } = {}) {
  const pool = poolOf(at, options, prepare);
  const opened = pool.pop() ?? (await open(options, prepare));
  try {
    await opened.page.goto(at);
    opened.errors.length = 0;
    await opened.page.evaluate(logStates);
    await steps(opened);
    pool.push(opened);
  } catch (error) {
    check(name, false, String(error).split("\n", 3).join(" "));
    await opened.page.context().close();
  }
}

function poolOf(...settings) {
  const key = JSON.stringify(settings.map((setting) => (typeof setting === "function" ? String(setting) : setting)));
  if (!free.has(key)) free.set(key, []);
  return free.get(key);
}

async function open(options, prepare) {
  // Drawing sixty times a second without a graphics card is what costs; one test draws so.
  const context = await browser.newContext({ reducedMotion: "reduce", viewport: { width: 800, height: 600 }, ...options });
  await prepare?.(context);
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  return { page, errors };
}

/** In the page: notes every state of every row, in the order of the changes. */
function logStates() {
  const log = (window.stateLog = { histories: {}, peak: 0, now: {}, starts: [] });
  const enter = (row, state) => {
    const number = row.dataset.number;
    (log.histories[number] ??= []).push(state);
    log.now[number] = state;
    if (state === "active") log.starts.push(Number(number));
    log.peak = Math.max(log.peak, Object.values(log.now).filter((state) => state === "active").length);
  };
  const initial = (records, row) => {
    const first = records.find((record) => record.type === "attributes" && record.target === row);
    return first ? first.oldValue : row.dataset.state;
  };
  // A record tells what an attribute was; what it became is the next record's, or today's, value.
  new MutationObserver((records) => {
    records.forEach((record, index) => {
      for (const row of record.addedNodes) if (row.dataset?.number) enter(row, initial(records, row));
      if (record.type !== "attributes") return;
      const next = records.slice(index + 1).find((other) => other.type === "attributes" && other.target === record.target);
      enter(record.target, next ? next.oldValue : record.target.dataset.state);
    });
  }).observe(document.getElementById("rows"), {
    attributeFilter: ["data-state"],
    attributeOldValue: true,
    childList: true,
    subtree: true,
  });
}

/** Requests that all succeed at once and are made once: each test names what it wants otherwise. */
const quiet = { high: 0, attempts: 1, failing: 0, head: 0, chunks: 1, size: 1, gap: 0, spread: 0, compare: false };

/** Sets the fields of these names, also those that are folded away, and fires. */
export async function fire(page, settings = {}) {
  await set(page, { ...quiet, ...settings });
  await page.click("#fire");
}

export async function set(page, settings) {
  await page.$$eval("#settings details", (boxes) => boxes.forEach((box) => (box.open = true)));
  for (const [name, value] of Object.entries(settings)) {
    const field = page.locator(`#settings [name="${name}"]`);
    if (typeof value === "boolean") await field.setChecked(value);
    else if (await field.isEnabled()) await field.fill(String(value));
  }
}

export const aim = (page, target) => page.check(`[name="target"][value="${target}"]`);
export const row = (number) => `.row[data-number="${number}"]`;
export const inState = (number, state) => `${row(number)}[data-state="${state}"]`;
export const states = (page) => page.$$eval(".row", (rows) => rows.map((row) => row.dataset.state));
export const log = (page) => page.evaluate(() => window.stateLog);
export const text = (page, selector) => page.locator(selector).textContent();

/** Waits until so many rows are in a state. */
export function counted(page, state, count) {
  const asked = { state, count };
  return page.waitForFunction(({ state, count }) => document.querySelectorAll(`.row[data-state="${state}"]`).length === count, asked);
}

/** Waits until an element's text matches, and gives it. */
export async function reads(page, selector, pattern) {
  const asked = { selector, source: pattern.source };
  await page.waitForFunction(({ selector, source }) => new RegExp(source).test(document.querySelector(selector)?.textContent ?? ""), asked);
  return text(page, selector);
}

/** A head that does not come while the test runs. */
export const never = 60_000;
