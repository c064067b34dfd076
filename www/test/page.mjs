/**
 * Tests of the live page in a real browser: `node www/test/page.mjs BASE_URL [PART]`. BASE_URL serves `www/dist` and
 * `/lab`, as the example `serve` does. PART is a name from `parts` below. The environment variable CHROMIUM names
 * another browser than /usr/bin/chromium.
 *
 * No test waits for a time to pass: a request that must not end gets a response head that does not arrive, and each
 * step waits for the state that it needs.
 */
import { testAccessibility } from "./accessibility.mjs";
import { testBatches } from "./batches.mjs";
import { testCompare } from "./compare.mjs";
import { testControls } from "./controls.mjs";
import { testEvents } from "./events.mjs";
import { serveFiles } from "./files.mjs";
import { launch, result, urls } from "./harness.mjs";
import { testTypes } from "./types.mjs";

if (!urls.lab) {
  console.error("usage: node www/test/page.mjs BASE_URL [PART]");
  process.exit(2);
}

const server = await serveFiles();
urls.files = server.url;
const browser = await launch();
const parts = {
  batches: testBatches,
  controls: testControls,
  compare: testCompare,
  events: testEvents,
  accessibility: testAccessibility,
  types: testTypes,
};
const only = process.argv[3];
// The parts have separate pages and run together: while a part waits for its server, the others use the processor.
await Promise.all(Object.entries(parts).map(([name, test]) => (only === undefined || only === name) && test()));
await browser.close();
server.close();

const { passed, failed } = result();
console.log(`page: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
