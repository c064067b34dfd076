/**
 * Tests the typed client from JavaScript: `node test.mjs MODULE URL`. MODULE is the output of wasm-bindgen, URL is the
 * address of a lab.
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [module, url] = process.argv.slice(2);
const { Lab } = createRequire(import.meta.url)(resolve(module));
const lab = new Lab(url, 2);

const tests = {
  async an_item_is_typed() {
    const item = await lab.item("json");
    assert.deepEqual([item.name, [...item.sizes]], ["waterspout", [1, 2, 3]]);
  },
  async an_item_is_saved() {
    const item = await lab.save("teapot", new Uint32Array([418]));
    assert.deepEqual([item.name, [...item.sizes]], ["teapot", [418]]);
  },
  async a_download_reports_its_progress() {
    let last = 0;
    const sum = await lab.download(251 * 4000, (count) => {
      assert.ok(count > last);
      last = count;
    });
    assert.deepEqual([last, sum], [251 * 4000, 125 * 251 * 4000]);
  },
  async a_missing_item_is_a_not_found_error() {
    await assert.rejects(lab.item("status/404"), { name: "NotFound" });
  },
  async an_unreachable_server_is_a_network_error() {
    await assert.rejects(new Lab("http://127.0.0.1:49151", 1).item("json"), { name: "NETWORK" });
  },
  async an_invalid_url_is_thrown() {
    assert.throws(() => new Lab("not a url", 1), { name: "INVALID_URL" });
  },
  async twenty_requests_share_two_slots() {
    const items = await Promise.all(Array.from({ length: 20 }, () => lab.item("json")));
    assert.equal(items.length, 20);
  },
};

let passed = 0;
let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    passed += 1;
  } catch (error) {
    failed += 1;
    console.error(`${name}:`, error);
  }
}
console.log(`sdk: ${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
