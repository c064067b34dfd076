/** What else the form offers: priorities, limits, pause, presets. */
import { check, counted, fire, group, inState, log, never, places, reads, row, set, states, text } from "./harness.mjs";

export async function testControls() {
  await group("priorities", async ({ page }) => {
    await fire(page, { maxActive: 1, requests: 30, high: 30, head: 5 });
    await counted(page, "done", 30);
    const marked = await page.$$eval(".row.high", (rows) => rows.map((row) => Number(row.dataset.number)));
    const { starts } = await log(page);
    // The first is sent at once, whoever it is: nobody waits yet.
    const first = starts.filter((number) => number !== 1).slice(0, marked.filter((number) => number !== 1).length);
    check("some requests are marked, some are not", marked.length > 0 && marked.length < 30, marked);
    check("those of high priority start before all others that wait", first.every((number) => marked.includes(number)), { first, marked });
    const label = await page.getAttribute(".row.high .track", "aria-label");
    check("their bars say so", label.includes(", high priority, "), label);
  });

  await group("a full queue", async ({ page }) => {
    await fire(page, { maxActive: 1, requests: 5, maxQueued: 2, head: never });
    await counted(page, "failed", 2);
    const why = await text(page, `${row(5)} .problem`);
    check("what the queue does not hold is turned away", why.startsWith("QUEUE_FULL"), why);
    const left = await states(page);
    check("what it holds waits", left.join(" ") === "active queued queued failed failed", left);
  });

  await group("two origins", async ({ page }) => {
    await fire(page, { maxActive: 5, maxActivePerOrigin: 1, secondOrigin: true, requests: 6, head: never });
    await page.waitForSelector(inState(2, "active"));
    const now = await states(page);
    check("each origin has its own limit", now.join(" ") === "active active queued queued queued queued", now);
    const label = await page.getAttribute(`${row(2)} .track`, "aria-label");
    check("a bar tells of the second origin", label.includes("second origin"), label);
  });

  await group("a rate", async ({ page }) => {
    await fire(page, { maxActive: 10, requests: 8, rate: 1, ratePer: never, rateBurst: 3 });
    await counted(page, "done", 3);
    const now = await states(page);
    check("the rate lets a burst start, and no more", now.filter((state) => state === "queued").length === 5, now);
    const snippet = await text(page, "#snippet");
    check("the code shows the rate", snippet.includes(`rateLimit: { requests: 1, per: ${never}, burst: 3 }`), snippet);
  });

  await group("pause", async ({ page }) => {
    await page.click("#pause");
    await fire(page, { maxActive: 2, requests: 4 });
    await reads(page, "#stats", /active: 0, queued: 4/);
    check("a paused client starts nothing", (await states(page)).every((state) => state === "queued"), await states(page));
    const slots = await page.getAttribute("#slots", "aria-label");
    check("the slots say that it is paused", slots.endsWith("paused"), slots);
    await page.click("#pause");
    await counted(page, "done", 4);
    check("resumed, it goes on", (await text(page, "#pause")) === "Pause");
  });

  await group("pause, with an earlier client", async ({ page }) => {
    await fire(page, { maxActive: 1, requests: 2, head: never });
    await fire(page, { maxActive: 2, requests: 1, head: never });
    await page.waitForSelector(inState(3, "active"));
    await page.click("#pause");
    await page.click(`${row(1)} .abort`);
    await page.waitForSelector(inState(1, "aborted"));
    check("paused, an earlier client starts nothing either", (await states(page))[1] === "queued", await states(page));
    await page.click("#pause");
    await page.waitForSelector(inState(2, "active"));
    check("resumed, it goes on as well", true);
    await page.click("#abort-all");
  });

  await group("a run that another breaks off", async ({ page }) => {
    await fire(page, { maxActive: 1, requests: 3, head: never });
    await page.evaluate(() => {
      const now = performance.now.bind(performance);
      performance.now = () => now() + 60_000;
    });
    await reads(page, "#announcement", /^2 queued, 1 active$/);
    await page.click('#presets button:text("Rate limit")');
    await reads(page, "#announcement", /^\d\d queued, /);
    check("the next is announced from its beginning", true);
    await page.click("#abort-all");
  });

  await group("a host that answers everything with the page", async ({ page }) => {
    await page.waitForSelector('[value="simulated"]:checked');
    check("is no demo server", true);
  }, { prepare: (context) => context.route("**/lab/hello", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" })) });

  await group("presets", async ({ page }) => {
    await page.click('#presets button:text("Flaky server")');
    await page.waitForSelector('.row[data-state="active"]');
    const note = await text(page, "#preset-note");
    check("a preset runs and says what it shows", note.startsWith("A third of all attempts fails"), note);
    check("it is marked as chosen", (await page.getAttribute('#presets button:text("Flaky server")', "aria-pressed")) === "true");
    const slider = await page.inputValue('[data-follows="failing"]');
    check("the sliders follow", slider === "33", slider);
    await page.click('#presets button:text("Two origins")');
    await page.waitForSelector('.row[data-state="active"]');
    check("another one begins with a clean slate", (await states(page)).length === 40, (await states(page)).length);
    check("and with its own settings", (await page.inputValue("#failing")) === "0" && (await page.isChecked('[name="secondOrigin"]')));
    await set(page, { requests: 7 });
    const pressed = await page.$$eval("#presets [aria-pressed=true]", (buttons) => buttons.length);
    check("a changed setting leaves the preset", pressed === 0, pressed);
    await page.click("#abort-all");
  });

  await group("a mistake in a folded part", async ({ page }) => {
    await set(page, { capacity: 0 });
    await page.$$eval("#settings details", (boxes) => boxes.forEach((box) => (box.open = false)));
    await page.click("#fire");
    await page.waitForSelector("#capacity:focus");
    check("a field that is wrong unfolds and has the focus", true);
    check("and nothing is sent", (await states(page)).length === 0, await states(page));
  });

  await group("a thousand requests", async ({ page }) => {
    await fire(page, { maxActive: 50, requests: 1000 });
    await counted(page, "done", 1000);
    await reads(page, "#announcement", /^Finished: 1000 done$/);
    check("a thousand requests come to their end", true);
    const bars = await page.$$eval(".row .track i.active", (parts) => parts.filter((part) => part.style.width).length);
    check("and each has its bar in the end", bars === 1000, bars);
  }, { at: places.files });
}
