/** Server-sent events: live, through lost connections, until they are stopped. */
import { check, group, places, reads, text } from "./harness.mjs";

const lines = (page) => page.$$eval("#events-log li", (items) => items.map((item) => `${item.className} ${item.querySelector("b").textContent}`).reverse());

export async function testEvents() {
  for (const [where, at] of [["lab", places.lab], ["simulated", places.files]]) {
    await group(`server-sent events, ${where}`, async ({ page, errors }) => {
      await page.fill("#events-gap", "15");
      await page.fill("#events-burst", "3");
      await page.fill("#events-retry", "100");
      await page.focus("#events-start");
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => document.querySelectorAll("#events-log .connection").length === 3);
      const focused = await page.evaluate(() => document.activeElement?.id);
      check(`the focus goes on to Stop, ${where}`, focused === "events-stop", focused);
      const [first] = await lines(page);
      check(`the log begins with a connection, ${where}`, first === "connection connection 1", first);
      await page.keyboard.press("Enter");
      const state = await reads(page, "#events-state", /^Stopped after event \d+\.$/);
      const told = await lines(page);
      const ids = told.filter((line) => line.startsWith("event ")).map((line) => Number(line.split(" ")[2]));
      check(`no event is lost or told twice, ${where}`, ids.length >= 6 && ids.every((id, index) => id === index + 1), told);
      const lost = told.filter((line) => line.startsWith("lost")).length;
      const connections = told.filter((line) => line.startsWith("connection")).length;
      check(`each lost connection is told, ${where}`, lost === connections || lost === connections - 1, told);
      check(`and what the next goes on from, ${where}`, told.includes("connection connection 3, Last-Event-ID: 6"), told);
      check(`stopped, it says where, ${where}`, state === `Stopped after event ${ids.at(-1)}.`, state);
      const label = await page.getAttribute("#events-strip", "aria-label");
      check(`the strip tells events and connections, ${where}`, label === `${ids.length} events over ${connections} connections`, label);
      const marks = await page.$eval("#events-strip .marks", (path) => path.getAttribute("d").split("M").length - 1);
      check(`the strip has a mark for each event, ${where}`, marks === ids.length, marks);
      check(`it can be started again, ${where}`, await page.isEnabled("#events-start"));
      check(`events leave no errors in the console, ${where}`, errors.length === 0, errors);
    }, { at });
  }

  await group("the end of the events", async ({ page }) => {
    for (const [name, value] of [["gap", 1], ["burst", 1000], ["retry", 100]]) await page.fill(`#events-${name}`, String(value));
    await page.click("#events-start");
    await reads(page, "#events-state", /^The server says that there are no more events\.$/);
    const lost = (await lines(page)).filter((line) => line.startsWith("lost"));
    check("the only connection is lost once", lost.length === 1, lost);
  }, { at: places.files });

  await group("no server for events", async ({ page }) => {
    await page.$$eval("#settings details", (boxes) => boxes.forEach((box) => (box.open = true)));
    await page.fill("#lab", "/lab/status/404?");
    await page.click("#events-start");
    const state = await reads(page, "#events-state", /^Given up/);
    check("an answer that is no stream of events is told", state.includes("404"), await text(page, "#events-state"));
  });
}
