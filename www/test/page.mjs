/**
 * Tests of the live page in a real browser: `node www/test/page.mjs BASE_URL`, where BASE_URL serves www/dist and
 * /lab/slow, as the example `serve` does. CHROMIUM names another browser than /usr/bin/chromium.
 *
 * Nothing here waits for a time to pass: what must not end by itself is given a head that does not come, and each step
 * waits for the state it needs.
 */
import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../../pkg-js/package.json", import.meta.url))("playwright-core");

const base = process.argv[2];
if (!base) {
  console.error("usage: node www/test/page.mjs BASE_URL");
  process.exit(2);
}

let passed = 0;
let failed = 0;

function check(fact, holds, seen) {
  if (holds) passed += 1;
  else failed += 1;
  console.log(`${holds ? "ok  " : "FAIL"} ${fact}${holds ? "" : `: ${JSON.stringify(seen)}`}`);
}

/** A step that never comes to its state is a failed check, not a lost run. */
async function group(name, steps) {
  try {
    await steps();
  } catch (error) {
    check(name, false, String(error).split("\n", 2).join(" "));
  }
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});

/** A fresh page with its console watched, and every state of every row noted in the order of the changes. */
async function open(context) {
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await page.goto(base);
  await page.evaluate(() => {
    const log = (window.stateLog = { histories: {}, peak: 0, now: {} });
    const enter = (row, state) => {
      const number = row.dataset.number;
      (log.histories[number] ??= []).push(state);
      log.now[number] = state;
      log.peak = Math.max(log.peak, Object.values(log.now).filter((state) => state === "active").length);
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
    function initial(records, row) {
      const first = records.find((record) => record.type === "attributes" && record.target === row);
      return first ? first.oldValue : row.dataset.state;
    }
  });
  return { page, errors };
}

async function fire(page, settings) {
  for (const [name, value] of Object.entries(settings)) await page.fill(`[name="${name}"]`, String(value));
  await page.click("#fire");
}

const row = (number) => `.row[data-number="${number}"]`;
const inState = (number, state) => `${row(number)}[data-state="${state}"]`;
const states = (page) => page.$$eval(".row", (rows) => rows.map((row) => row.dataset.state));

/** A head that does not come while the test runs. */
const never = 60_000;

await group("a volley of 12 at maxActive 3", async () => {
  const context = await browser.newContext();
  const { page, errors } = await open(context);
  await fire(page, { maxActive: 3, requests: 12, head: 60, spread: 50, chunks: 3, size: 4, gap: 5, failing: 0 });
  await page.waitForFunction(() => document.querySelectorAll('.row[data-state="done"]').length === 12);
  const { histories, peak } = await page.evaluate(() => window.stateLog);
  check("12 rows are drawn", Object.keys(histories).length === 12, histories);
  check("never more than 3 are active at once", peak <= 3, peak);
  check("3 are active at once at some time", peak === 3, peak);
  const order = "queued active streaming done";
  const strays = Object.values(histories).filter((states) => states.join(" ") !== order);
  check("each row is queued, then active, then streaming, then done", strays.length === 0, strays);
  await page.waitForFunction(() => document.getElementById("announcement").textContent === "Finished: 12 done");
  check("the end is announced", true);
  const figures = await page.textContent(`${row(12)} .figures`);
  check("a row tells its status and its bytes", figures.startsWith("200 · 12 KiB"), figures);
  const label = await page.getAttribute(`${row(12)} .track`, "aria-label");
  check("a bar tells its phases", /^Request 12, queued for .+, active for .+, streaming for .+, done$/.test(label), label);
  const parts = `${row(12)} .track i:not(.end)`;
  const widths = await page.$$eval(parts, (parts) => parts.map((part) => parseFloat(part.style.width) > 0));
  check("a bar has its three parts", widths.every(Boolean) && widths.length === 3, widths);
  const before = await page.evaluate(() => {
    let frames = 0;
    const original = window.requestAnimationFrame;
    window.requestAnimationFrame = (draw) => (frames++, original(draw));
    return new Promise((resolve) => original(() => original(() => resolve(frames))));
  });
  check("nothing is drawn when nothing runs", before === 0, before);
  check("the console has no errors", errors.length === 0, errors);
  await context.close();
});

await group("aborts", async () => {
  const context = await browser.newContext();
  const { page, errors } = await open(context);
  await fire(page, { maxActive: 3, requests: 6, head: never, spread: 0 });
  await page.waitForSelector(inState(3, "active"));
  const first = await states(page);
  check("3 of 6 are active, the rest queued", first.join(" ") === "active active active queued queued queued", first);
  const stats = "client.stats() → { active: 3, queued: 3 }";
  await page.waitForFunction((stats) => document.getElementById("stats").textContent === stats, stats);
  check("the client's own numbers are shown", true);

  await page.click(`${row(5)} .abort`);
  await page.waitForSelector(inState(5, "aborted"));
  const second = await states(page);
  check("an aborted queued request leaves the queue", second.join(" ") === "active active active queued aborted queued", second);

  await page.click(`${row(2)} .abort`);
  await page.waitForSelector(inState(2, "aborted"));
  await page.waitForSelector(inState(4, "active"));
  const third = await states(page);
  const expected = "active aborted active active aborted queued";
  check("an aborted active request gives its slot to the next", third.join(" ") === expected, third);

  await page.focus(`${row(6)} .abort`);
  await page.keyboard.press("Enter");
  await page.waitForSelector(inState(6, "aborted"));
  const focused = await page.evaluate(() => document.activeElement?.closest(".row")?.dataset.number);
  check("the keyboard aborts, and keeps its place", focused === "6", focused);

  await page.click("#abort-all");
  await page.waitForFunction(() => document.querySelectorAll('.row[data-state="aborted"]').length === 6);
  const { histories, peak } = await page.evaluate(() => window.stateLog);
  check("Abort all ends all", true);
  check("a request aborted in the queue was never active", histories[5].join(" ") === "queued aborted", histories[5]);
  check("aborts let no more than 3 be active", peak === 3, peak);
  await page.click("#clear");
  check("Clear leaves no rows", (await states(page)).length === 0, await states(page));
  check("aborts leave no errors in the console", errors.length === 0, errors);
  await context.close();
});

await group("time limits", async () => {
  const context = await browser.newContext();
  const { page } = await open(context);
  await fire(page, { maxActive: 1, requests: 2, head: never, limitQueue: 50, limitHead: 200 });
  await page.waitForFunction(() => document.querySelectorAll('.row[data-state="timed-out"]').length === 2);
  const texts = await page.$$eval(".row .problem", (boxes) => boxes.map((box) => box.textContent));
  check("a row names the limit on the response's head", texts[0].includes("`head`: 200 ms"), texts);
  check("a row names the limit on the wait for a slot", texts[1].includes("`queue`: 50 ms"), texts);
  const snippet = await page.textContent("#snippet");
  check("the code shows the limits", snippet.includes("timeout: { queue: 50, head: 200 }"), snippet);
  check("the code shows maxActive", snippet.includes("maxActive: 1 "), snippet);
  await context.close();
});

await group("failures", async () => {
  const context = await browser.newContext();
  const { page } = await open(context);
  await fire(page, { maxActive: 2, requests: 1, head: 0, failing: 100 });
  await page.waitForSelector(inState(1, "failed"));
  const status = await page.textContent(`${row(1)} .problem`);
  check("an error status is told", status.startsWith("503 "), status);
  await page.check('[name="target"][value="url"]');
  await fire(page, { url: "http://" });
  await page.waitForSelector(inState(2, "failed"));
  const wrong = await page.textContent(`${row(2)} .problem`);
  check("a URL that is none is told", wrong.startsWith("Not sent "), wrong);
  // Nobody listens on the port of the discard service.
  await fire(page, { url: "http://127.0.0.1:9/{n}" });
  await page.waitForSelector(inState(3, "failed"));
  const dead = await page.textContent(`${row(3)} .problem`);
  check("a server that does not answer is told", dead.startsWith("No response "), dead);
  await context.close();
});

await group("no network", async () => {
  const context = await browser.newContext();
  const { page, errors } = await open(context);
  await page.check('[name="target"][value="simulated"]');
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await fire(page, { maxActive: 2, requests: 5, head: 20, chunks: 2, size: 1, gap: 1 });
  await page.waitForFunction(() => document.querySelectorAll('.row[data-state="done"]').length === 5);
  check("simulated requests never reach the network", asked.length === 0, asked);
  check("simulated requests leave no errors in the console", errors.length === 0, errors);
  await context.close();
});

await group("a policy that forbids WebAssembly", async () => {
  const context = await browser.newContext();
  await context.route(base, async (route) => {
    const response = await route.fetch();
    const headers = { ...response.headers(), "content-security-policy": "script-src 'self' 'unsafe-inline'" };
    await route.fulfill({ response, headers });
  });
  const { page } = await open(context);
  await fire(page, { maxActive: 2, requests: 3 });
  await page.waitForSelector("#banner:not([hidden])");
  const text = await page.textContent("#banner");
  check("a banner tells of it", text.includes("WaterspoutError") && text.includes("wasm-unsafe-eval"), text);
  const ended = await states(page);
  check("and the rows have failed", ended.join(" ") === "failed failed failed", ended);
  await context.close();
});

await group("a narrow screen", async () => {
  const context = await browser.newContext({ viewport: { width: 360, height: 740 } });
  const { page } = await open(context);
  // The buttons that stick to the bottom must cover nothing for good.
  await page.check('[name="target"][value="simulated"]');
  await page.check('[name="target"][value="lab"]');
  await fire(page, { maxActive: 50, requests: 60, head: 5, failing: 30 });
  const ended = '.row:is([data-state="done"], [data-state="failed"])';
  await page.waitForFunction((ended) => document.querySelectorAll(ended).length === 60, ended);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  check("nothing is wider than 360 px", width === 360, width);
  await context.close();
});

await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
