/** Tests accessibility: keyboard, screen readers, contrast in both themes, small screens, reduced motion. */
import { axePath, check, group, inState, never, row, sendBatch, states, urls, waitForCount, waitForText } from "./harness.mjs";

const desktop = { width: 1280, height: 800 };
const phone = { width: 360, height: 740 };

/** The required contrast ratios, by WCAG 2: 4.5 for text, 3 for graphics and borders. Names are CSS variables. */
const contrasts = [
  {
    minimum: 4.5,
    colours: ["text", "text-muted", "done", "failed", "timed-out", "aborted", "streaming", "waiting"],
    backgrounds: ["panel-background"],
  },
  { minimum: 4.5, colours: ["text", "text-muted", "streaming"], backgrounds: ["background"] },
  { minimum: 4.5, colours: ["text", "text-muted", "streaming", "failed"], backgrounds: ["input-background"] },
  { minimum: 4.5, colours: ["on-primary"], backgrounds: ["primary", "primary-hover"] },
  { minimum: 3, colours: ["queued", "active", "border"], backgrounds: ["panel-background"] },
  { minimum: 3, colours: ["border"], backgrounds: ["input-background"] },
];

/** Runs in the page. Returns the contrasts below their minimum, by the formula of WCAG. */
function insufficientContrasts(contrasts) {
  const probe = document.body.appendChild(document.createElement("i"));
  const luminance = (name) => {
    probe.style.color = `var(--${name})`;
    const [red, green, blue] = getComputedStyle(probe)
      .color.match(/[\d.]+/g)
      .map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ratio = (colour, background) => {
    const [dark, light] = [luminance(colour), luminance(background)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const found = contrasts.flatMap(({ minimum, colours, backgrounds }) =>
    backgrounds.flatMap((background) =>
      colours
        .filter((colour) => ratio(colour, background) < minimum)
        .map((colour) => `${colour} on ${background}: ${ratio(colour, background).toFixed(2)}`),
    ),
  );
  probe.remove();
  return found;
}

/** Runs in the page. Returns the name of the focused element and whether its focus outline is visible. */
function focused() {
  const target = document.activeElement;
  if (!target || target === document.body) return undefined;
  // A radio button is transparent: its label draws the outline.
  const drawn = target.matches('[type="radio"]') ? target.nextElementSibling : target;
  const { outlineStyle, outlineWidth } = getComputedStyle(drawn);
  const name = target.id || target.getAttribute("aria-label") || target.getAttribute("name") || target.textContent.trim();
  return { name, isVisible: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 };
}

export async function testAccessibility() {
  await group("axe", async ({ page }) => {
    await sendBatch(page, { maxActive: 3, requests: 9, failing: 60, attempts: 2, baseDelay: 5, highPriority: 30, compare: true });
    await waitForText(page, "#compare-note", /^waterspout completed/);
    await sendBatch(page, { maxActive: 2, requests: 4, head: never });
    await page.waitForSelector(inState(11, "active"));
    await page.click(`${row(12)} .abort`);
    await page.addScriptTag({ path: axePath });
    for (const colorScheme of ["light", "dark"]) {
      for (const viewport of [desktop, phone]) {
        const where = `${colorScheme}, ${viewport.width} px`;
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await page.setViewportSize(viewport);
        const { violations, passes } = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
        const found = violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 120))}`);
        check(`axe finds no violation, ${where}`, found.length === 0 && passes.length > 20, found);
        const insufficient = await page.evaluate(insufficientContrasts, contrasts);
        check(`text and graphics have sufficient contrast, ${where}`, insufficient.length === 0, insufficient);
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        check(`nothing is wider than the window, ${where}`, width === viewport.width, width);
      }
    }
  }, { context: { viewport: desktop } });

  await group("keyboard only", async ({ page }) => {
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
    check("the Tab key reaches each control", missed.length === 0 && expected.length > 20, missed);
    const withoutOutline = stops.filter(({ isVisible }) => !isVisible);
    check("each focused control has a visible outline", withoutOutline.length === 0, withoutOutline);

    await page.focus("#requests");
    await page.keyboard.press("Control+A");
    await page.keyboard.type("6");
    await page.focus("#head");
    await page.keyboard.press("Control+A");
    await page.keyboard.type(String(never));
    await page.keyboard.press("Enter");
    await page.waitForSelector(inState(4, "active"));
    check("Enter in a field sends the batch", (await states(page)).length === 6, await states(page));
    await page.focus("#chart");
    await page.keyboard.press("Tab");
    const focusedLabel = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
    check("the rows are a single stop of the Tab key", (await focusedLabel()) === "Abort request 1", await focusedLabel());
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    check("arrow keys move from row to row", (await focusedLabel()) === "Abort request 3", await focusedLabel());
    await page.keyboard.press("Space");
    await page.waitForSelector(inState(3, "aborted"));
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowDown");
    check("arrow keys skip ended requests", (await focusedLabel()) === "Abort request 4", await focusedLabel());
    await page.keyboard.press("End");
    check("End moves to the last row", (await focusedLabel()) === "Abort request 6", await focusedLabel());
    await page.keyboard.press("Tab");
    check("the next Tab leaves the rows", !/^Abort request/.test(await focusedLabel()), await focusedLabel());
    await page.keyboard.press("Shift+Tab");
    check("Shift+Tab returns to the same row", (await focusedLabel()) === "Abort request 6", await focusedLabel());
  });

  await group("a narrow screen", async ({ page }) => {
    // Playwright clicks only uncovered elements, so these clicks fail if the sticky buttons permanently cover the radio
    // buttons.
    await page.check('[name="target"][value="simulated"]');
    await page.check('[name="target"][value="lab"]');
    await sendBatch(page, { maxActive: 50, requests: 60, head: 5, failing: 30 });
    await page.waitForFunction(() => document.querySelectorAll('.row:is([data-state="done"], [data-state="failed"])').length === 60);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    check("nothing is wider than 360 px while errors are shown", width === 360, width);
    await page.waitForFunction(() => document.getElementById("run").getBoundingClientRect().top < innerHeight * 0.6);
    check("the chart is visible after sending", true);
  }, { context: { viewport: phone } });

  await group("reduced motion", async ({ page }) => {
    await page.evaluate(() => {
      window.drawings = [];
      const observer = new MutationObserver(() => window.drawings.push(performance.now()));
      observer.observe(document.querySelector("#grid"), { attributes: true, subtree: true });
    });
    await sendBatch(page, { maxActive: 1, requests: 2, head: 1200 });
    await waitForCount(page, "done", 2);
    const { length, duration } = await page.evaluate(() => ({
      length: window.drawings.length,
      duration: window.drawings.at(-1) - window.drawings[0],
    }));
    check("with reduced motion the page draws at most twice per second", length > 2 && length <= duration / 500 + 3, { length, duration });
  }, { at: urls.files });
}
