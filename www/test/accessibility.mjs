/** For everybody: the keyboard, screen readers, both themes, small screens, less motion. */
import { axe, check, counted, fire, group, inState, never, places, reads, row, states } from "./harness.mjs";

const desktop = { width: 1280, height: 800 };
const phone = { width: 360, height: 740 };

/** What is drawn upon what, and how much it has to differ. */
const contrasts = [
  { least: 4.5, colours: ["ink", "soft", "done", "failed", "timed-out", "aborted", "streaming", "waiting"], grounds: ["sheet"] },
  { least: 4.5, colours: ["ink", "soft", "streaming"], grounds: ["paper"] },
  { least: 4.5, colours: ["ink", "soft", "streaming", "failed"], grounds: ["well"] },
  { least: 4.5, colours: ["on-primary"], grounds: ["primary", "primary-over"] },
  { least: 3, colours: ["queued", "active", "edge"], grounds: ["sheet"] },
  { least: 3, colours: ["edge"], grounds: ["well"] },
];

/** In the page: the contrasts that are too small, by WCAG's formula. */
function tooSmall(contrasts) {
  const probe = document.body.appendChild(document.createElement("i"));
  const luminance = (name) => {
    probe.style.color = `var(--${name})`;
    const [red, green, blue] = getComputedStyle(probe).color.match(/[\d.]+/g).map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ratio = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const found = contrasts.flatMap(({ least, colours, grounds }) =>
    grounds.flatMap((ground) => colours.filter((colour) => ratio(colour, ground) < least).map((colour) => `${colour} on ${ground}: ${ratio(colour, ground).toFixed(2)}`)),
  );
  probe.remove();
  return found;
}

/** In the page: what the focus rests on, and whether one can see that. */
function focused() {
  const target = document.activeElement;
  if (!target || target === document.body) return undefined;
  const drawn = target.matches('[type="radio"]') ? target.nextElementSibling : target;
  const { outlineStyle, outlineWidth } = getComputedStyle(drawn);
  const name = target.id || target.getAttribute("aria-label") || target.getAttribute("name") || target.textContent.trim();
  return { name, isSeen: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 };
}

export async function testAccess() {
  await group("axe", async ({ page }) => {
    await fire(page, { maxActive: 3, requests: 9, failing: 60, attempts: 2, baseDelay: 5, high: 30, compare: true });
    await reads(page, "#compare-note", /^waterspout brought/);
    await fire(page, { maxActive: 2, requests: 4, head: never });
    await page.waitForSelector(inState(11, "active"));
    await page.click(`${row(12)} .abort`);
    await page.addScriptTag({ path: axe });
    for (const colorScheme of ["light", "dark"]) {
      for (const viewport of [desktop, phone]) {
        const where = `${colorScheme}, ${viewport.width} px`;
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await page.setViewportSize(viewport);
        const { violations, passes } = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
        const found = violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 120))}`);
        check(`axe finds nothing, ${where}`, found.length === 0 && passes.length > 20, found);
        const small = await page.evaluate(tooSmall, contrasts);
        check(`text and graphics stand out, ${where}`, small.length === 0, small);
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        check(`nothing is wider than the window, ${where}`, width === viewport.width, width);
      }
    }
  }, { context: { viewport: desktop } });

  await group("the keyboard alone", async ({ page }) => {
    const expected = await page.evaluate(() =>
      [...document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")]
        .filter((target) => target.checkVisibility() && !target.disabled)
        .filter((target) => target.type !== "radio" || target.checked)
        .map((target) => target.id || target.getAttribute("aria-label") || target.getAttribute("name") || target.textContent.trim()),
    );
    const stops = [];
    for (let stop; stops.length < 100; stops.push(stop)) {
      await page.keyboard.press("Tab");
      stop = await page.evaluate(focused);
      if (!stop) break;
    }
    const names = stops.map(({ name }) => name);
    const missed = expected.filter((name) => !names.includes(name) && name !== "target");
    check("the Tab key comes to each control", missed.length === 0 && expected.length > 20, missed);
    const unseen = stops.filter(({ isSeen }) => !isSeen);
    check("and each shows that it has the focus", unseen.length === 0, unseen);

    await page.focus("#requests");
    await page.keyboard.press("Control+A");
    await page.keyboard.type("6");
    await page.focus("#head");
    await page.keyboard.press("Control+A");
    await page.keyboard.type(String(never));
    await page.keyboard.press("Enter");
    await page.waitForSelector(inState(4, "active"));
    check("Enter in a field fires", (await states(page)).length === 6, await states(page));
    await page.focus("#chart");
    await page.keyboard.press("Tab");
    const at = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
    check("the rows are one stop of the Tab key", (await at()) === "Abort request 1", await at());
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    check("arrow keys go from row to row", (await at()) === "Abort request 3", await at());
    await page.keyboard.press("Space");
    await page.waitForSelector(inState(3, "aborted"));
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowDown");
    check("and pass over those that have ended", (await at()) === "Abort request 4", await at());
    await page.keyboard.press("End");
    check("End goes to the last", (await at()) === "Abort request 6", await at());
    await page.keyboard.press("Tab");
    check("the next Tab leaves the rows", !/^Abort request/.test(await at()), await at());
    await page.keyboard.press("Shift+Tab");
    check("and back comes to where one was", (await at()) === "Abort request 6", await at());
  });

  await group("a narrow screen", async ({ page }) => {
    // The buttons that stick to the bottom must cover nothing for good.
    await page.check('[name="target"][value="simulated"]');
    await page.check('[name="target"][value="lab"]');
    await fire(page, { maxActive: 50, requests: 60, head: 5, failing: 30 });
    await page.waitForFunction(() => document.querySelectorAll('.row:is([data-state="done"], [data-state="failed"])').length === 60);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    check("nothing is wider than 360 px with errors shown", width === 360, width);
    await page.waitForFunction(() => document.getElementById("run").getBoundingClientRect().top < innerHeight * 0.6);
    check("what was fired is in sight", true);
  }, { context: { viewport: phone } });

  await group("less motion", async ({ page }) => {
    await page.evaluate(() => {
      window.drawings = [];
      new MutationObserver(() => window.drawings.push(performance.now())).observe(document.querySelector("#grid"), { attributes: true, subtree: true });
    });
    await fire(page, { maxActive: 1, requests: 2, head: 1200 });
    await counted(page, "done", 2);
    const { length, took } = await page.evaluate(() => ({ length: window.drawings.length, took: window.drawings.at(-1) - window.drawings[0] }));
    check("for those who want less motion it moves twice a second at most", length > 2 && length <= took / 500 + 3, { length, took });
  }, { at: places.files });
}
