/** Says what the package weighs and fails beyond its budget, or if the module holds what it must not. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";

const here = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const read = (name) => readFileSync(path.join(here, name));
const budget = JSON.parse(read("budget.json").toString());

let [passed, failed] = [0, 0];
function check(holds, text) {
  holds ? passed++ : failed++;
  console.log(`${holds ? "ok    " : "FAILED"} ${text}`);
}

function weigh(name) {
  const bytes = read(name);
  const gzip = gzipSync(bytes, { level: 9 }).length;
  console.log(`${name}: ${bytes.length} bytes, ${gzip} gzip, ${brotliCompressSync(bytes).length} brotli`);
  return gzip;
}

weigh("build/waterspout_bg.wasm");
weigh("dist/worker.js");
for (const name of ["index.js", "events.js", "slim.js"]) {
  const total = weigh(`dist/${name}`);
  check(total <= budget[name], `dist/${name} is ${total} bytes gzip, of ${budget[name]}`);
}

// The names of functions and the places of panics tell what was linked.
const unoptimized = read("build/linked.txt").toString();
for (const crate of ["url", "idna", "httparse", "regex", "hashbrown", "zlib_rs", "brotli_decompressor", "ruzstd"]) {
  check(!new RegExp(`(^|[^a-z_])${crate}(\\[|::|-[0-9])`, "m").test(unoptimized), `${crate} is not linked`);
}
check(/waterspout(\[|::)/m.test(unoptimized), "the list of what is linked names this crate");

console.log(`size: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
