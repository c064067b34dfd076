/** Tests the comparison with plain fetch, and the statistics. */
import { check, chooseTarget, group, inState, sendBatch, text, urls, waitForCount, waitForText } from "./harness.mjs";

/** Returns the texts of a table's cells by the label of their row. */
const cells = (page, table) =>
  page.$$eval(`#${table} tr`, (rows) =>
    Object.fromEntries(rows.map((row) => [row.cells[0].textContent, [...row.cells].slice(1).map((cell) => cell.textContent)])),
  );

/** Returns the number of pixels of a canvas that are not transparent. */
const paintedPixels = (page, canvas) =>
  page.$eval(canvas, (canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((value, index) => index % 4 === 3 && value > 0).length;
  });

export async function testCompare() {
  for (const [where, at] of [["lab", urls.lab], ["simulated", urls.files]]) {
    await group(`comparison with plain fetch, ${where}`, async ({ page }) => {
      await sendBatch(page, { maxActive: 3, requests: 20, failing: 40, attempts: 15, baseDelay: 10, head: 30, compare: true });
      const note = await waitForText(page, "#compare-note", /^waterspout completed/);
      const { Done: done, "Not done": lost, "Peak in flight": peak, "Requests sent": sent } = await cells(page, "summary");
      check(`the client completes all requests, ${where}`, done[0] === "20 of 20" && lost[0] === "0", { done, lost });
      check(`plain fetch loses each request whose first attempt fails, ${where}`, Number(lost[1]) > 0 && Number(lost[1]) < 20, lost);
      check(`the note agrees with the table, ${where}`, note.includes(`plain fetch completed ${20 - Number(lost[1])},`), { note, lost });
      check(`the client has 3 requests in flight, plain fetch has all, ${where}`, peak.join() === "3,20", peak);
      const retried = await page.$$eval(".row", (rows) => rows.filter((row) => row.querySelector(".failed-attempt")).length);
      check(`the first attempts of both runs fail equally often, ${where}`, retried === Number(lost[1]), { retried, lost });
      check(`plain fetch sends each request once, ${where}`, sent[1] === "20" && Number(sent[0]) > 20, sent);
      const pixels = [await paintedPixels(page, "#mini-client"), await paintedPixels(page, "#mini-plain")];
      check(`both small waterfalls are drawn, ${where}`, pixels.every((count) => count > 100), pixels);
      const label = await page.getAttribute("#mini-plain", "aria-label");
      check(`the label of the drawing has its numbers, ${where}`, /plain fetch: \d+ of 20 done after .+, at most 20 in flight/.test(label), label);
    }, { at });
  }

  await group("plain fetch on request", async ({ page }) => {
    await sendBatch(page, { maxActive: 2, requests: 6, head: 10 });
    await waitForCount(page, "done", 6);
    check("plain fetch does not run unless selected", (await cells(page, "summary")).Done.join() === "6 of 6,–", await cells(page, "summary"));
    await page.click("#compare-run");
    await waitForText(page, "#compare-note", /^waterspout completed 6 of 6 requests; plain fetch completed 6,/);
    check("plain fetch runs after a click on its button", true);
    await page.click("#clear");
    check("Clear clears the comparison", (await cells(page, "summary")).Done.join() === "–,–", await cells(page, "summary"));
  });

  /** Answers each request for /answers/… as soon as the promise of `mayAnswer` resolves to true. */
  const answerWhen = (page, mayAnswer) =>
    page.route("**/answers/*", async (route) => (await mayAnswer()) && route.fulfill({ body: "x" }));

  await group("plain fetch requested while the client runs", async ({ page }) => {
    let release;
    const released = new Promise((resolve) => (release = resolve));
    await answerWhen(page, () => released.then(() => true));
    await chooseTarget(page, "url");
    await sendBatch(page, { url: "/answers/{n}", maxActive: 2, requests: 2 });
    await page.waitForSelector(inState(2, "active"));
    await page.click("#compare-run");
    release();
    await waitForText(page, "#compare-note", /^waterspout completed 2 of 2 requests; plain fetch completed 2,/);
    check("plain fetch runs after the client", true);
    await page.unroute("**/answers/*");
  });

  await group("a cleared run of plain fetch", async ({ page }) => {
    let requested = 0;
    await answerWhen(page, async () => ++requested <= 2);
    await chooseTarget(page, "url");
    await sendBatch(page, { url: "/answers/{n}", maxActive: 2, requests: 2, compare: true });
    await waitForText(page, "#compare-note", /^Running plain fetch/);
    await page.click("#clear");
    const frames = await page.evaluate(() => {
      let frames = 0;
      const original = window.requestAnimationFrame;
      return new Promise((resolve) => {
        original(() => {
          window.requestAnimationFrame = (draw) => (frames++, original(draw));
          original(() => original(() => resolve(frames)));
        });
      });
    });
    check("the page draws nothing after Clear", frames === 0, frames);
  }, { context: { reducedMotion: "no-preference" } });

  await group("statistics", async ({ page }) => {
    await sendBatch(page, { maxActive: 2, requests: 10, head: 40, chunks: 2, size: 8 });
    await waitForText(page, "#announcement", /^Finished: 10 done$/);
    const labels = await page.$$eval(".plot svg", (plots) => plots.map((plot) => plot.getAttribute("aria-label")));
    check("the label of the request plot has the peak", /^Requests per second: peak [\d.]+\/s/.test(labels[0]), labels);
    check("the label of the byte plot has the peak", /^Bytes per second: peak \d+ KiB\/s/.test(labels[1]), labels);
    check("the label of the wait plot has the number of requests without a wait", /^Wait times: 2 without a wait, /.test(labels[2]), labels);
    const counts = labels[2].match(/\d+(?= (without a wait|up to))/g).map(Number);
    check("the label of the wait plot counts all requests", counts.reduce((sum, next) => sum + next) === 10, labels[2]);
    const heights = await page.$$eval(".plot path:first-of-type", (paths) => paths.map((path) => path.getBBox().height));
    check("each plot is drawn", heights.every((height) => height > 0), heights);
    const times = await cells(page, "times");
    const milliseconds = (value) => (value.endsWith(" ms") ? 1 : 1000) * parseFloat(value);
    const waits = times["Wait for slot"].map(milliseconds);
    check("the percentiles of the waits are in order", waits[0] <= waits[1] && waits[1] <= waits[3] && waits[3] >= 4 * 40, times);
    check("no response head arrives before the server sends it", milliseconds(times["Slot to response head"][0]) >= 39, times);
    check("the elapsed time is shown", /^[\d.]+ s$/.test(await text(page, "#elapsed")));
  });
}
