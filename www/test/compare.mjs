/** The same run with plain fetch, and the figures of both. */
import { aim, check, counted, fire, group, inState, places, reads, text } from "./harness.mjs";

const cells = (page, table) =>
  page.$$eval(`#${table} tr`, (rows) => Object.fromEntries(rows.map((row) => [row.cells[0].textContent, [...row.cells].slice(1).map((cell) => cell.textContent)])));

/** How many dots of a canvas have any colour. */
const painted = (page, canvas) =>
  page.$eval(canvas, (canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((value, index) => index % 4 === 3 && value > 0).length;
  });

export async function testCompare() {
  for (const [where, at] of [["lab", places.lab], ["simulated", places.files]]) {
    await group(`plain fetch beside it, ${where}`, async ({ page }) => {
      await fire(page, { maxActive: 3, requests: 20, failing: 40, attempts: 15, baseDelay: 10, head: 30, compare: true });
      const note = await reads(page, "#compare-note", /^waterspout brought/);
      const { Done: done, "Not done": lost, "Most in flight at once": peak, "Requests sent": sent } = await cells(page, "summary");
      check(`the client brings all home, ${where}`, done[0] === "20 of 20" && lost[0] === "0", { done, lost });
      check(`plain fetch loses those whose first attempt fails, ${where}`, Number(lost[1]) > 0 && Number(lost[1]) < 20, lost);
      check(`the note says the same, ${where}`, note.includes(`plain fetch ${20 - Number(lost[1])},`), { note, lost });
      check(`the client has 3 in flight, plain fetch all, ${where}`, peak.join() === "3,20", peak);
      const retried = await page.$$eval(".row", (rows) => rows.filter((row) => row.querySelector(".in-vain")).length);
      check(`both asked for the same: as many failed at first, ${where}`, retried === Number(lost[1]), { retried, lost });
      check(`plain fetch asks once for each, ${where}`, sent[1] === "20" && Number(sent[0]) > 20, sent);
      const dots = [await painted(page, "#lanes-client"), await painted(page, "#lanes-plain")];
      check(`both are drawn in small, ${where}`, dots.every((count) => count > 100), dots);
      const label = await page.getAttribute("#lanes-plain", "aria-label");
      check(`the drawing is told in words, ${where}`, /plain fetch: \d+ of 20 done after .+, at most 20 in flight/.test(label), label);
    }, { at });
  }

  await group("plain fetch when asked", async ({ page }) => {
    await fire(page, { maxActive: 2, requests: 6, head: 10 });
    await counted(page, "done", 6);
    check("unasked, plain fetch does not run", (await cells(page, "summary")).Done.join() === "6 of 6,–", await cells(page, "summary"));
    await page.click("#compare-run");
    await reads(page, "#compare-note", /^waterspout brought 6 of 6 home, plain fetch 6,/);
    check("asked, it does", true);
    await page.click("#clear");
    check("Clear clears the comparison", (await cells(page, "summary")).Done.join() === "–,–", await cells(page, "summary"));
  });

  /** The page asks for /answers/…; each is answered once `given` says so. */
  const answering = (page, given) => page.route("**/answers/*", async (route) => (await given()) && route.fulfill({ body: "x" }));

  await group("plain fetch asked for while the client runs", async ({ page }) => {
    let release;
    const released = new Promise((resolve) => (release = resolve));
    await answering(page, () => released.then(() => true));
    await aim(page, "url");
    await fire(page, { url: "/answers/{n}", maxActive: 2, requests: 2 });
    await page.waitForSelector(inState(2, "active"));
    await page.click("#compare-run");
    release();
    await reads(page, "#compare-note", /^waterspout brought 2 of 2 home, plain fetch 2,/);
    check("it follows", true);
    await page.unroute("**/answers/*");
  });

  await group("plain fetch cleared away", async ({ page }) => {
    let asked = 0;
    await answering(page, async () => ++asked <= 2);
    await aim(page, "url");
    await fire(page, { url: "/answers/{n}", maxActive: 2, requests: 2, compare: true });
    await reads(page, "#compare-note", /^Plain fetch runs/);
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
    check("nothing is drawn when it was cleared away", frames === 0, frames);
  }, { context: { reducedMotion: "no-preference" } });

  await group("figures", async ({ page }) => {
    await fire(page, { maxActive: 2, requests: 10, head: 40, chunks: 2, size: 8 });
    await reads(page, "#announcement", /^Finished: 10 done$/);
    const labels = await page.$$eval(".plot svg", (plots) => plots.map((plot) => plot.getAttribute("aria-label")));
    check("the plot of requests tells its peak", /^Requests per second: at most [\d.]+\/s/.test(labels[0]), labels);
    check("the plot of bytes tells its peak", /^Bytes per second: at most \d+ KiB\/s/.test(labels[1]), labels);
    check("the plot of waits tells how many did not wait", /^Waits for a slot: 2 not at all, /.test(labels[2]), labels);
    const told = labels[2].match(/\d+(?= (not at all|up to))/g).map(Number);
    check("it tells of all of them", told.reduce((sum, next) => sum + next) === 10, labels[2]);
    const areas = await page.$$eval(".plot path:first-of-type", (paths) => paths.map((path) => path.getBBox().height));
    check("each plot is drawn", areas.every((height) => height > 0), areas);
    const times = await cells(page, "times");
    const milliseconds = (value) => (value.endsWith(" ms") ? 1 : 1000) * parseFloat(value);
    const waits = times["Wait for slot"].map(milliseconds);
    check("the waits are ordered: half, nine in ten, longest", waits[0] <= waits[1] && waits[1] <= waits[3] && waits[3] >= 4 * 40, times);
    check("no head comes before the server sends it", milliseconds(times["Slot to head"][0]) >= 39, times);
    check("the elapsed time is told", /^[\d.]+ s$/.test(await text(page, "#elapsed")));
  });
}
