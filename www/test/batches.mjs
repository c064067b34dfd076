/** Tests batches of requests: their drawing, aborts, timeouts, failures, retries. */
import { check, chooseTarget, group, inState, never, row, sendBatch, stateLog, states, text, urls, waitForCount, waitForText } from "./harness.mjs";

export async function testBatches() {
  await group("a batch of 12 at maxActive 3", async ({ page, errors }) => {
    await sendBatch(page, { maxActive: 3, requests: 12, head: 60, spread: 50, chunks: 3, size: 4, gap: 5 });
    await waitForCount(page, "done", 12);
    const { histories, peak } = await stateLog(page);
    check("12 rows are drawn", Object.keys(histories).length === 12, histories);
    check("never more than 3 are active at once", peak <= 3, peak);
    check("3 are active at once at some time", peak === 3, peak);
    // A row starts as queued. The client reports the stage "queued" only for a request that has to wait, hence the
    // repetition.
    const order = (states) => states.filter((state, index) => state !== states[index - 1]).join(" ");
    const unexpected = Object.values(histories).filter((states) => order(states) !== "queued active streaming done");
    check("each row is queued, then active, then streaming, then done", unexpected.length === 0, unexpected);
    await waitForText(page, "#announcement", /^Finished: 12 done$/);
    check("the end is announced", true);
    const metrics = await text(page, `${row(12)} .metrics`);
    check("a row shows its status and its bytes", metrics.startsWith("200 · 12 KiB"), metrics);
    const label = await page.getAttribute(`${row(12)} .track`, "aria-label");
    check("the label of a bar has its phases", /^Request 12, queued for .+, active for .+, streaming for .+, done$/.test(label), label);
    const widths = await page.$$eval(`${row(12)} .track i:not(.end)`, (parts) => parts.map((part) => parseFloat(part.style.width) > 0));
    check("a bar has three segments", widths.every(Boolean) && widths.length === 3, widths);
    const frames = await page.evaluate(() => {
      let frames = 0;
      const original = window.requestAnimationFrame;
      window.requestAnimationFrame = (draw) => (frames++, original(draw));
      return new Promise((resolve) => original(() => original(() => resolve(frames))));
    });
    check("the page draws nothing while no request runs", frames === 0, frames);
    check("the console has no errors", errors.length === 0, errors);
  }, { context: { reducedMotion: "no-preference" } });

  await group("aborts", async ({ page, errors }) => {
    await sendBatch(page, { maxActive: 3, requests: 6, head: never });
    await page.waitForSelector(inState(3, "active"));
    const first = await states(page);
    check("3 of 6 are active, the rest queued", first.join(" ") === "active active active queued queued queued", first);
    await waitForText(page, "#stats", /^client\.stats\(\) → { active: 3, queued: 3 }$/);
    check("the statistics of the client are shown", true);

    await page.click(`${row(5)} .abort`);
    await page.waitForSelector(inState(5, "aborted"));
    const second = await states(page);
    check("an aborted queued request leaves the queue", second.join(" ") === "active active active queued aborted queued", second);

    await page.click(`${row(2)} .abort`);
    await page.waitForSelector(inState(2, "aborted"));
    await page.waitForSelector(inState(4, "active"));
    const third = await states(page);
    const expected = "active aborted active active aborted queued";
    check("an aborted active request gives its slot to the next request", third.join(" ") === expected, third);

    await page.focus(`${row(6)} .abort`);
    await page.keyboard.press("Enter");
    await page.waitForSelector(inState(6, "aborted"));
    const focused = await page.evaluate(() => document.activeElement?.closest(".row")?.dataset.number);
    check("Enter aborts a request, and the focus stays in its row", focused === "6", focused);

    await page.click("#abort-all");
    await waitForCount(page, "aborted", 6);
    const { histories, peak } = await stateLog(page);
    check("Abort all aborts all requests", true);
    check("a request aborted in the queue was never active", !histories[5].includes("active"), histories[5]);
    check("with aborts, never more than 3 are active at once", peak === 3, peak);
    await page.click("#clear");
    check("Clear removes all rows", (await states(page)).length === 0, await states(page));
    check("aborts leave no errors in the console", errors.length === 0, errors);
  });

  await group("timeouts", async ({ page }) => {
    await sendBatch(page, { maxActive: 1, requests: 2, head: never, limitQueue: 50, limitHead: 200 });
    await waitForCount(page, "timed-out", 2);
    const texts = await page.$$eval(".row .problem", (boxes) => boxes.map((box) => box.textContent));
    check("a row names the timeout of the response head", texts[0].includes("`head`: 200 ms"), texts);
    check("a row names the timeout of the queue", texts[1].includes("`queue`: 50 ms"), texts);
    const snippet = await text(page, "#snippet");
    check("the code example has the timeouts", snippet.includes("timeout: { queue: 50, head: 200 }"), snippet);
    check("the code example has maxActive", snippet.includes("maxActive: 1,"), snippet);
  });

  await group("failures", async ({ page }) => {
    await sendBatch(page, { maxActive: 2, requests: 1, failing: 100 });
    await page.waitForSelector(inState(1, "failed"));
    const status = await text(page, `${row(1)} .problem`);
    check("a row shows an error status", status.startsWith("503 "), status);
    await chooseTarget(page, "url");
    await sendBatch(page, { url: "http://", requests: 1 });
    await page.waitForSelector(inState(2, "failed"));
    const invalid = await text(page, `${row(2)} .problem`);
    check("a row shows that its URL is invalid", invalid.startsWith("Not sent "), invalid);
    // No server listens on port 9, the port of the discard service.
    await sendBatch(page, { url: "http://127.0.0.1:9/{n}", requests: 1 });
    await page.waitForSelector(inState(3, "failed"));
    const unreachable = await text(page, `${row(3)} .problem`);
    check("a row shows that its server does not answer", unreachable.startsWith("No response "), unreachable);
  });

  for (const [where, at] of [["lab", urls.lab], ["simulated", urls.files]]) {
    await group(`retries, ${where}`, async ({ page }) => {
      await sendBatch(page, { maxActive: 2, requests: 3, failing: 100, attempts: 3, baseDelay: 40, head: 20 });
      await waitForText(page, "#announcement", /^Finished: 3 failed$/);
      const { histories } = await stateLog(page);
      const attempts = Object.values(histories).map((states) => states.filter((state) => state === "active").length);
      check(`a failing request gets three attempts, ${where}`, attempts.join() === "3,3,3", histories);
      const parts = await page.$$eval(`${row(1)} .track i:not(.end)`, (parts) => parts.map((part) => part.className).filter((name) => name !== "queued"));
      const expected = "active failed-attempt, waiting, active failed-attempt, waiting, active, streaming";
      check(`its bar shows each attempt and each wait, ${where}`, parts.join(", ") === expected, parts);
      const metrics = await text(page, `${row(1)} .metrics`);
      check(`its row shows the number of attempts, ${where}`, metrics.endsWith("3 attempts"), metrics);
      await page.click("#clear");
      await sendBatch(page, { maxActive: 4, requests: 30, failing: 40, attempts: 15, baseDelay: 10 });
      await waitForCount(page, "done", 30);
      const waits = Object.values((await stateLog(page)).histories).flat().filter((state) => state === "waiting").length;
      check(`with enough attempts all requests succeed, ${where}`, waits > 3, waits);
    }, { at });

    await group(`a busy server, ${where}`, async ({ page }) => {
      await sendBatch(page, { maxActive: 8, requests: 8, capacity: 2, head: 400 });
      await page.waitForFunction(() => document.querySelectorAll('.row:is([data-state="done"], [data-state="failed"])').length === 8);
      const ended = await states(page);
      const isMixed = ["done", "failed"].every((end) => ended.filter((state) => state === end).length >= 2);
      check(`a server rejects requests beyond its capacity, ${where}`, isMixed, ended);
      await page.click("#clear");
      await sendBatch(page, { maxActive: 2, requests: 8, capacity: 2, head: 20 });
      await waitForCount(page, "done", 8);
      check(`a client within the server's capacity loses no request, ${where}`, true);
    }, { at });
  }

  await group("a host that serves only files", async ({ page, errors }) => {
    check("the page simulates requests on a host that serves only files", await page.isChecked('[value="simulated"]'));
    const requested = [];
    page.on("request", (request) => requested.push(request.url()));
    await sendBatch(page, { maxActive: 2, requests: 5, head: 20, chunks: 2, gap: 1 });
    await waitForCount(page, "done", 5);
    check("simulated requests never reach the network", requested.length === 0, requested);
    check("simulated requests leave no errors in the console", errors.length === 0, errors);
  }, { at: urls.files });

  const withoutWasm = (context) =>
    context.route(urls.lab, async (route) => {
      const response = await route.fetch();
      const headers = { ...response.headers(), "content-security-policy": "script-src 'self' 'unsafe-inline'" };
      await route.fulfill({ response, headers });
    });
  await group("a policy that forbids WebAssembly", async ({ page }) => {
    await sendBatch(page, { maxActive: 2, requests: 3 });
    await page.waitForSelector("#banner:not([hidden])");
    const banner = await text(page, "#banner");
    check("a banner names the error and the missing permission", banner.includes("WaterspoutError") && banner.includes("wasm-unsafe-eval"), banner);
    const ended = await states(page);
    check("the requests fail", ended.join(" ") === "failed failed failed", ended);
  }, { prepare: withoutWasm });
}
