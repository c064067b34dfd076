/** Shared by the tests of the page: counts checks, opens pages, sends batches. */
import { createRequire } from "node:module";

const require = createRequire(new URL("../../pkg-js/package.json", import.meta.url));
const { chromium } = require("playwright-core");

/** The URLs of the page: `lab` on a server that also serves the lab, `files` on a host that serves only files. */
export const urls = { lab: process.argv[2] ?? "", files: "" };

export const axePath = require.resolve("axe-core/axe.min.js");

/** A latency in milliseconds that is longer than the test: the response head never arrives. */
export const never = 60_000;

let passed = 0;
let failed = 0;

/**
 * Counts and prints a check.
 *
 * @param {string} fact
 * @param {boolean} holds
 * @param {unknown} [seen] printed if the check fails
 */
export function check(fact, holds, seen) {
  if (holds) passed += 1;
  else failed += 1;
  console.log(`${holds ? "ok  " : "FAIL"} ${fact}${holds ? "" : `: ${JSON.stringify(seen)}`}`);
}

/** Returns the number of passed and of failed checks. */
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
      // The file server needs a host name that is not loopback: on loopback the page looks for a demo server.
      "--host-resolver-rules=MAP files.test 127.0.0.1",
    ],
  });
  return browser;
}

/** The idle pages by their settings. Reloading a page costs less than opening another page. @type {Map<string, object[]>} */
const idlePages = new Map();

/**
 * Runs steps in a freshly loaded page and collects the errors of its console.
 *
 * A step that throws or times out becomes a failed check, so that the other groups still run.
 *
 * @param {string} name
 * @param {(opened: { page: import("playwright-core").Page, errors: string[] }) => Promise<void>} steps
 * @param {{ at?: string, context?: object, prepare?: (context: object) => Promise<void> }} [settings]
 */
export async function group(name, steps, { at = urls.lab, context: options = {}, prepare } = {}) {
  const idle = idlePagesFor(at, options, prepare);
  const opened = idle.pop() ?? (await open(options, prepare));
  try {
    await opened.page.goto(at);
    opened.errors.length = 0;
    await opened.page.evaluate(logStates);
    await steps(opened);
    idle.push(opened);
  } catch (error) {
    check(name, false, String(error).split("\n", 3).join(" "));
    await opened.page.context().close();
  }
}

function idlePagesFor(...settings) {
  const key = JSON.stringify(settings.map((setting) => (typeof setting === "function" ? String(setting) : setting)));
  if (!idlePages.has(key)) idlePages.set(key, []);
  return idlePages.get(key);
}

async function open(options, prepare) {
  // Drawing sixty times a second without a graphics card is expensive, so pages prefer reduced motion unless a group
  // needs otherwise.
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

/** Runs in the page. Records each state of each row, in the order of the changes. */
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
  // A record holds only the old value of an attribute. The new value is the old value of the next record, or the
  // current value.
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

/** The settings of a batch whose requests all succeed at once, in a single attempt. Each test sets what differs. */
const defaults = {
  highPriority: 0,
  attempts: 1,
  failing: 0,
  head: 0,
  chunks: 1,
  size: 1,
  gap: 0,
  spread: 0,
  compare: false,
};

/** Sets the form fields by their names and sends a batch. */
export async function sendBatch(page, settings = {}) {
  await setFields(page, { ...defaults, ...settings });
  await page.click("#send");
}

/** Sets form fields by their names, in collapsed parts of the form too. */
export async function setFields(page, settings) {
  await page.$$eval("#settings details", (boxes) => boxes.forEach((box) => (box.open = true)));
  for (const [name, value] of Object.entries(settings)) {
    const field = page.locator(`#settings [name="${name}"]`);
    if (typeof value === "boolean") await field.setChecked(value);
    else if (await field.isEnabled()) await field.fill(String(value));
  }
}

export const chooseTarget = (page, target) => page.check(`[name="target"][value="${target}"]`);
export const row = (number) => `.row[data-number="${number}"]`;
export const inState = (number, state) => `${row(number)}[data-state="${state}"]`;
export const states = (page) => page.$$eval(".row", (rows) => rows.map((row) => row.dataset.state));
export const stateLog = (page) => page.evaluate(() => window.stateLog);
export const text = (page, selector) => page.locator(selector).textContent();

/** Waits until exactly `count` rows are in a state. */
export function waitForCount(page, state, count) {
  const expected = { state, count };
  return page.waitForFunction(({ state, count }) => document.querySelectorAll(`.row[data-state="${state}"]`).length === count, expected);
}

/** Waits until the text of an element matches, and returns the text. */
export async function waitForText(page, selector, pattern) {
  const expected = { selector, source: pattern.source };
  await page.waitForFunction(
    ({ selector, source }) => new RegExp(source).test(document.querySelector(selector)?.textContent ?? ""),
    expected,
  );
  return text(page, selector);
}
