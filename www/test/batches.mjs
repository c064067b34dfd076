/** Volleys through the client: what is drawn of them, and what ends them. */
import { aim, check, counted, fire, group, inState, log, never, places, reads, row, states, text } from "./harness.mjs";

export async function testVolleys() {
  await group("a volley of 12 at maxActive 3", async ({ page, errors }) => {
    await fire(page, { maxActive: 3, requests: 12, head: 60, spread: 50, chunks: 3, size: 4, gap: 5 });
    await counted(page, "done", 12);
    const { histories, peak } = await log(page);
    check("12 rows are drawn", Object.keys(histories).length === 12, histories);
    check("never more than 3 are active at once", peak <= 3, peak);
    check("3 are active at once at some time", peak === 3, peak);
    // A row begins as queued; the client tells of it only if it has to wait.
    const order = (states) => states.filter((state, index) => state !== states[index - 1]).join(" ");
    const strays = Object.values(histories).filter((states) => order(states) !== "queued active streaming done");
    check("each row is queued, then active, then streaming, then done", strays.length === 0, strays);
    await reads(page, "#announcement", /^Finished: 12 done$/);
    check("the end is announced", true);
    const figures = await text(page, `${row(12)} .figures`);
    check("a row tells its status and its bytes", figures.startsWith("200 · 12 KiB"), figures);
    const label = await page.getAttribute(`${row(12)} .track`, "aria-label");
    check("a bar tells its phases", /^Request 12, queued for .+, active for .+, streaming for .+, done$/.test(label), label);
    const widths = await page.$$eval(`${row(12)} .track i:not(.end)`, (parts) => parts.map((part) => parseFloat(part.style.width) > 0));
    check("a bar has its three parts", widths.every(Boolean) && widths.length === 3, widths);
    const frames = await page.evaluate(() => {
      let frames = 0;
      const original = window.requestAnimationFrame;
      window.requestAnimationFrame = (draw) => (frames++, original(draw));
      return new Promise((resolve) => original(() => original(() => resolve(frames))));
    });
    check("nothing is drawn when nothing runs", frames === 0, frames);
    check("the console has no errors", errors.length === 0, errors);
  }, { context: { reducedMotion: "no-preference" } });

  await group("aborts", async ({ page, errors }) => {
    await fire(page, { maxActive: 3, requests: 6, head: never });
    await page.waitForSelector(inState(3, "active"));
    const first = await states(page);
    check("3 of 6 are active, the rest queued", first.join(" ") === "active active active queued queued queued", first);
    await reads(page, "#stats", /^client\.stats\(\) → { active: 3, queued: 3 }$/);
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
    await counted(page, "aborted", 6);
    const { histories, peak } = await log(page);
    check("Abort all ends all", true);
    check("a request aborted in the queue was never active", !histories[5].includes("active"), histories[5]);
    check("aborts let no more than 3 be active", peak === 3, peak);
    await page.click("#clear");
    check("Clear leaves no rows", (await states(page)).length === 0, await states(page));
    check("aborts leave no errors in the console", errors.length === 0, errors);
  });

  await group("time limits", async ({ page }) => {
    await fire(page, { maxActive: 1, requests: 2, head: never, limitQueue: 50, limitHead: 200 });
    await counted(page, "timed-out", 2);
    const texts = await page.$$eval(".row .problem", (boxes) => boxes.map((box) => box.textContent));
    check("a row names the limit on the response's head", texts[0].includes("`head`: 200 ms"), texts);
    check("a row names the limit on the wait for a slot", texts[1].includes("`queue`: 50 ms"), texts);
    const snippet = await text(page, "#snippet");
    check("the code shows the limits", snippet.includes("timeout: { queue: 50, head: 200 }"), snippet);
    check("the code shows maxActive", snippet.includes("maxActive: 1,"), snippet);
  });

  await group("failures", async ({ page }) => {
    await fire(page, { maxActive: 2, requests: 1, failing: 100 });
    await page.waitForSelector(inState(1, "failed"));
    const status = await text(page, `${row(1)} .problem`);
    check("an error status is told", status.startsWith("503 "), status);
    await aim(page, "url");
    await fire(page, { url: "http://", requests: 1 });
    await page.waitForSelector(inState(2, "failed"));
    const wrong = await text(page, `${row(2)} .problem`);
    check("a URL that is none is told", wrong.startsWith("Not sent "), wrong);
    // Nobody listens on the port of the discard service.
    await fire(page, { url: "http://127.0.0.1:9/{n}", requests: 1 });
    await page.waitForSelector(inState(3, "failed"));
    const dead = await text(page, `${row(3)} .problem`);
    check("a server that does not answer is told", dead.startsWith("No response "), dead);
  });

  for (const [where, at] of [["lab", places.lab], ["simulated", places.files]]) {
    await group(`retries, ${where}`, async ({ page }) => {
      await fire(page, { maxActive: 2, requests: 3, failing: 100, attempts: 3, baseDelay: 40, head: 20 });
      await reads(page, "#announcement", /^Finished: 3 failed$/);
      const { histories } = await log(page);
      const tries = Object.values(histories).map((states) => states.filter((state) => state === "active").length);
      check(`a request that fails is tried three times, ${where}`, tries.join() === "3,3,3", histories);
      const parts = await page.$$eval(`${row(1)} .track i:not(.end)`, (parts) => parts.map((part) => part.className).filter((name) => name !== "queued"));
      const expected = "active in-vain, waiting, active in-vain, waiting, active, streaming";
      check(`its bar shows each attempt and each wait, ${where}`, parts.join(", ") === expected, parts);
      const figures = await text(page, `${row(1)} .figures`);
      check(`its row says how often it was tried, ${where}`, figures.endsWith("3 tries"), figures);
      await page.click("#clear");
      await fire(page, { maxActive: 4, requests: 30, failing: 40, attempts: 15, baseDelay: 10 });
      await counted(page, "done", 30);
      const again = Object.values((await log(page)).histories).flat().filter((state) => state === "waiting").length;
      check(`with enough attempts all come home, ${where}`, again > 3, again);
    }, { at });

    await group(`a busy server, ${where}`, async ({ page }) => {
      await fire(page, { maxActive: 8, requests: 8, capacity: 2, head: 400 });
      await page.waitForFunction(() => document.querySelectorAll('.row:is([data-state="done"], [data-state="failed"])').length === 8);
      const ended = await states(page);
      const isMixed = ["done", "failed"].every((end) => ended.filter((state) => state === end).length >= 2);
      check(`a server turns away what is beyond its capacity, ${where}`, isMixed, ended);
      await page.click("#clear");
      await fire(page, { maxActive: 2, requests: 8, capacity: 2, head: 20 });
      await counted(page, "done", 8);
      check(`a client that asks for no more loses nothing, ${where}`, true);
    }, { at });
  }

  await group("files alone", async ({ page, errors }) => {
    check("a host of files means simulated requests", await page.isChecked('[value="simulated"]'));
    const asked = [];
    page.on("request", (request) => asked.push(request.url()));
    await fire(page, { maxActive: 2, requests: 5, head: 20, chunks: 2, gap: 1 });
    await counted(page, "done", 5);
    check("simulated requests never reach the network", asked.length === 0, asked);
    check("simulated requests leave no errors in the console", errors.length === 0, errors);
  }, { at: places.files });

  const withoutWasm = (context) =>
    context.route(places.lab, async (route) => {
      const response = await route.fetch();
      const headers = { ...response.headers(), "content-security-policy": "script-src 'self' 'unsafe-inline'" };
      await route.fulfill({ response, headers });
    });
  await group("a policy that forbids WebAssembly", async ({ page }) => {
    await fire(page, { maxActive: 2, requests: 3 });
    await page.waitForSelector("#banner:not([hidden])");
    const banner = await text(page, "#banner");
    check("a banner tells of it", banner.includes("WaterspoutError") && banner.includes("wasm-unsafe-eval"), banner);
    const ended = await states(page);
    check("and the rows have failed", ended.join(" ") === "failed failed failed", ended);
  }, { prepare: withoutWasm });
}
