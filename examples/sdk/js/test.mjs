/**
 * The typed client from JavaScript, against a lab: `node test.mjs MODULE URL`, where MODULE is what wasm-bindgen made.
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [module, url] = process.argv.slice(2);
const { Lab } = createRequire(import.meta.url)(resolve(module));
const lab = new Lab(url, 2);

const tests = {
  async an_item_is_typed() {
    const item = await lab.item();
    assert.deepEqual([item.name, [...item.sizes]], ["waterspout", [1, 2, 3]]);
  },
  async an_item_is_saved() {
    const item = await lab.save("teapot", new Uint32Array([418]));
    assert.deepEqual([item.name, [...item.sizes]], ["teapot", [418]]);
  },
  async a_download_is_told_piece_by_piece() {
    let last = 0;
    const sum = await lab.download(251 * 4000, (count) => {
      assert.ok(count > last);
      last = count;
    });
    assert.deepEqual([last, sum], [251 * 4000, 125 * 251 * 4000]);
  },
  async what_is_missing_has_a_name() {
    await assert.rejects(lab.missing(), { name: "NotFound" });
  },
  async what_cannot_be_reached_is_a_network_error() {
    await assert.rejects(new Lab("http://127.0.0.1:49151", 1).item(), { name: "NETWORK" });
  },
  async a_bad_url_is_thrown() {
    assert.throws(() => new Lab("not a url", 1), { name: "INVALID_URL" });
  },
  async many_requests_share_two_slots() {
    const items = await Promise.all(Array.from({ length: 20 }, () => lab.item()));
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
