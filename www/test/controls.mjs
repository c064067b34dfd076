/** Tests the controls of the form: priorities, limits, pause, presets. */
import {
  check,
  group,
  inState,
  never,
  row,
  sendBatch,
  setFields,
  stateLog,
  states,
  text,
  urls,
  waitForCount,
  waitForText,
} from "./harness.mjs";

export async function testControls() {
  await group("priorities", async ({ page }) => {
    await sendBatch(page, { maxActive: 1, requests: 30, highPriority: 30, head: 5 });
    await waitForCount(page, "done", 30);
    const marked = await page.$$eval(".row.high", (rows) => rows.map((row) => Number(row.dataset.number)));
    const { starts } = await stateLog(page);
    // Request 1 starts at once, regardless of its priority, because no other request is queued yet.
    const first = starts.filter((number) => number !== 1).slice(0, marked.filter((number) => number !== 1).length);
    check("some but not all requests have high priority", marked.length > 0 && marked.length < 30, marked);
    check("requests of high priority start before all other queued requests", first.every((number) => marked.includes(number)), { first, marked });
    const label = await page.getAttribute(".row.high .track", "aria-label");
    check("the label of a bar has the high priority", label.includes(", high priority, "), label);
  });

  await group("a full queue", async ({ page }) => {
    await sendBatch(page, { maxActive: 1, requests: 5, maxQueued: 2, head: never });
    await waitForCount(page, "failed", 2);
    const problem = await text(page, `${row(5)} .problem`);
    check("requests beyond maxQueued fail with QUEUE_FULL", problem.startsWith("QUEUE_FULL"), problem);
    const left = await states(page);
    check("requests within maxQueued stay queued", left.join(" ") === "active queued queued failed failed", left);
  });

  await group("two origins", async ({ page }) => {
    await sendBatch(page, { maxActive: 5, maxActivePerOrigin: 1, secondOrigin: true, requests: 6, head: never });
    await page.waitForSelector(inState(2, "active"));
    const now = await states(page);
    check("each origin has its own limit", now.join(" ") === "active active queued queued queued queued", now);
    const label = await page.getAttribute(`${row(2)} .track`, "aria-label");
    check("the label of a bar has the second origin", label.includes("second origin"), label);
  });

  await group("a rate limit", async ({ page }) => {
    await sendBatch(page, { maxActive: 10, requests: 8, rate: 1, ratePer: never, rateBurst: 3 });
    await waitForCount(page, "done", 3);
    const now = await states(page);
    check("the rate limit starts a burst and nothing more", now.filter((state) => state === "queued").length === 5, now);
    const snippet = await text(page, "#snippet");
    check("the code example has the rate limit", snippet.includes(`rateLimit: { requests: 1, per: ${never}, burst: 3 }`), snippet);
  });

  await group("pause", async ({ page }) => {
    await page.click("#pause");
    await sendBatch(page, { maxActive: 2, requests: 4 });
    await waitForText(page, "#stats", /active: 0, queued: 4/);
    check("a paused client starts no request", (await states(page)).every((state) => state === "queued"), await states(page));
    const slots = await page.getAttribute("#slots", "aria-label");
    check("the label of the slots has the pause", slots.endsWith("paused"), slots);
    await page.click("#pause");
    await waitForCount(page, "done", 4);
    check("a resumed client completes its requests", (await text(page, "#pause")) === "Pause");
  });

  await group("pause with an earlier client", async ({ page }) => {
    await sendBatch(page, { maxActive: 1, requests: 2, head: never });
    await sendBatch(page, { maxActive: 2, requests: 1, head: never });
    await page.waitForSelector(inState(3, "active"));
    await page.click("#pause");
    await page.click(`${row(1)} .abort`);
    await page.waitForSelector(inState(1, "aborted"));
    check("Pause also pauses an earlier client", (await states(page))[1] === "queued", await states(page));
    await page.click("#pause");
    await page.waitForSelector(inState(2, "active"));
    check("Resume also resumes an earlier client", true);
    await page.click("#abort-all");
  });

  await group("a run that replaces another run", async ({ page }) => {
    await sendBatch(page, { maxActive: 1, requests: 3, head: never });
    await page.evaluate(() => {
      const now = performance.now.bind(performance);
      performance.now = () => now() + 60_000;
    });
    await waitForText(page, "#announcement", /^2 queued, 1 active$/);
    await page.click('#presets button:text("Rate limit")');
    await waitForText(page, "#announcement", /^\d\d queued, /);
    check("the next run is announced from its beginning", true);
    await page.click("#abort-all");
  });

  await group("a host that answers every request with the page", async ({ page }) => {
    await page.waitForSelector('[value="simulated"]:checked');
    check("the page does not take such a host for a demo server", true);
  }, { prepare: (context) => context.route("**/lab/hello", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" })) });

  await group("presets", async ({ page }) => {
    await page.click('#presets button:text("Flaky server")');
    await page.waitForSelector('.row[data-state="active"]');
    const note = await text(page, "#preset-note");
    check("a preset runs and shows its description", note.startsWith("A third of all attempts fail"), note);
    check("its button is pressed", (await page.getAttribute('#presets button:text("Flaky server")', "aria-pressed")) === "true");
    const slider = await page.inputValue('[data-slider-for="failing"]');
    check("the sliders have its values", slider === "33", slider);
    await page.click('#presets button:text("Two origins")');
    await page.waitForSelector('.row[data-state="active"]');
    check("another preset removes the rows of the first preset", (await states(page)).length === 40, (await states(page)).length);
    check("another preset has its own settings", (await page.inputValue("#failing")) === "0" && (await page.isChecked('[name="secondOrigin"]')));
    await setFields(page, { requests: 7 });
    const pressed = await page.$$eval("#presets [aria-pressed=true]", (buttons) => buttons.length);
    check("a changed setting deselects the preset", pressed === 0, pressed);
    await page.click("#abort-all");
  });

  await group("an invalid field in a collapsed part", async ({ page }) => {
    await setFields(page, { capacity: 0 });
    await page.$$eval("#settings details", (boxes) => boxes.forEach((box) => (box.open = false)));
    await page.click("#send");
    await page.waitForSelector("#capacity:focus");
    check("an invalid field becomes visible and has the focus", true);
    check("no request is sent", (await states(page)).length === 0, await states(page));
  });

  await group("a thousand requests", async ({ page }) => {
    await sendBatch(page, { maxActive: 50, requests: 1000 });
    await waitForCount(page, "done", 1000);
    await waitForText(page, "#announcement", /^Finished: 1000 done$/);
    check("a thousand requests end", true);
    const bars = await page.$$eval(".row .track i.active", (parts) => parts.filter((part) => part.style.width).length);
    check("each of a thousand requests has its bar at the end", bars === 1000, bars);
  }, { at: urls.files });
}
