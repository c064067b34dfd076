/**
 * Tests of the live page in a real browser: `node www/test/page.mjs BASE_URL [PART]`, where BASE_URL serves www/dist and
 * /lab, as the example `serve` does, and PART is one of `tests` below. CHROMIUM names another browser than
 * /usr/bin/chromium.
 *
 * Nothing here waits for a time to pass: what must not end by itself is given a head that does not come, and each step
 * waits for the state it needs.
 */
import { launch, places, result } from "./harness.mjs";
import { serveFiles } from "./files.mjs";
import { testAccess } from "./accessibility.mjs";
import { testCompare } from "./compare.mjs";
import { testControls } from "./controls.mjs";
import { testEvents } from "./events.mjs";
import { testTypes } from "./types.mjs";
import { testVolleys } from "./batches.mjs";

if (!places.lab) {
  console.error("usage: node www/test/page.mjs BASE_URL");
  process.exit(2);
}

const server = await serveFiles();
places.files = server.url;
const browser = await launch();
// Each has pages of its own; one that waits for its server leaves the processor to the others.
const tests = { volleys: testVolleys, controls: testControls, compare: testCompare, events: testEvents, access: testAccess, types: testTypes };
const only = process.argv[3];
await Promise.all(Object.entries(tests).map(([name, test]) => (only === undefined || only === name) && test()));
await browser.close();
server.close();

const { passed, failed } = result();
console.log(`page: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
