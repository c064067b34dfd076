/** Tests server-sent events: reconnects, the end of the stream, errors. */
import { check, group, text, urls, waitForText } from "./harness.mjs";

/** Returns the lines of the log, oldest first, each with its CSS class in front. */
const lines = (page) =>
  page.$$eval("#events-log li", (items) => items.map((item) => `${item.className} ${item.querySelector("b").textContent}`).reverse());

export async function testEvents() {
  for (const [where, at] of [["lab", urls.lab], ["simulated", urls.files]]) {
    await group(`server-sent events, ${where}`, async ({ page, errors }) => {
      await page.fill("#events-gap", "15");
      await page.fill("#events-burst", "3");
      await page.fill("#events-retry", "100");
      await page.focus("#events-start");
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => document.querySelectorAll("#events-log .connection").length >= 3);
      const focused = await page.evaluate(() => document.activeElement?.id);
      check(`the focus moves to Stop, ${where}`, focused === "events-stop", focused);
      const [first] = await lines(page);
      check(`the log begins with a connection, ${where}`, first === "connection connection 1", first);
      await page.keyboard.press("Enter");
      const status = await waitForText(page, "#events-status", /^Stopped after event \d+\.$/);
      const logged = await lines(page);
      const ids = logged.filter((line) => line.startsWith("event ")).map((line) => Number(line.split(" ")[2]));
      check(`each event appears exactly once, ${where}`, ids.length >= 6 && ids.every((id, index) => id === index + 1), logged);
      const lost = logged.filter((line) => line.startsWith("lost")).length;
      const connections = logged.filter((line) => line.startsWith("connection")).length;
      check(`each lost connection is logged, ${where}`, lost === connections || lost === connections - 1, logged);
      check(`each reconnect is logged with its Last-Event-ID, ${where}`, logged.includes("connection connection 3, Last-Event-ID: 6"), logged);
      check(`the status has the last event, ${where}`, status === `Stopped after event ${ids.at(-1)}.`, status);
      const label = await page.getAttribute("#events-timeline", "aria-label");
      check(`the timeline counts events and connections, ${where}`, label === `${ids.length} events over ${connections} connections`, label);
      const marks = await page.$eval("#events-timeline .marks", (path) => path.getAttribute("d").split("M").length - 1);
      check(`the timeline has a mark for each event, ${where}`, marks === ids.length, marks);
      check(`the stream can be started again, ${where}`, await page.isEnabled("#events-start"));
      check(`events leave no errors in the console, ${where}`, errors.length === 0, errors);
    }, { at });
  }

  await group("the end of the events", async ({ page }) => {
    for (const [name, value] of [["gap", 1], ["burst", 1000], ["retry", 100]]) await page.fill(`#events-${name}`, String(value));
    await page.click("#events-start");
    await waitForText(page, "#events-status", /^The server ended the stream: there are no more events\.$/);
    const lost = (await lines(page)).filter((line) => line.startsWith("lost"));
    check("a single connection is logged as lost once", lost.length === 1, lost);
  }, { at: urls.files });

  await group("no server for events", async ({ page }) => {
    await page.$$eval("#settings details", (boxes) => boxes.forEach((box) => (box.open = true)));
    await page.fill("#lab", "/lab/status/404?");
    await page.click("#events-start");
    const status = await waitForText(page, "#events-status", /^Gave up/);
    check("a response without events is reported with its status", status.includes("404"), await text(page, "#events-status"));
  });
}
