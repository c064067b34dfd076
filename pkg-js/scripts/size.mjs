/** Prints the size of the package. Fails if an entry is larger than its budget, or if the module contains forbidden code. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";

/** Crates that the core must not link: they are large, and the engine does their work. */
const FORBIDDEN_CRATES = ["url", "idna", "httparse", "regex", "hashbrown", "zlib_rs", "brotli_decompressor", "ruzstd"];

const here = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const read = (name) => readFileSync(path.join(here, name));
const budget = JSON.parse(read("budget.json").toString());

let passed = 0;
let failed = 0;

function check(isRight, text) {
  if (isRight) passed++;
  else failed++;
  console.log(`${isRight ? "ok    " : "FAILED"} ${text}`);
}

/** Prints the sizes of a file and returns its size after gzip. */
function weigh(name) {
  const bytes = read(name);
  const gzip = gzipSync(bytes, { level: 9 }).length;
  console.log(`${name}: ${bytes.length} bytes, ${gzip} gzip, ${brotliCompressSync(bytes).length} brotli`);
  return gzip;
}

weigh("build/waterspout_bg.wasm");
weigh("dist/worker.js");
for (const name of ["index.js", "events.js", "slim.js"]) {
  const size = weigh(`dist/${name}`);
  check(size <= budget[name], `dist/${name} is ${size} bytes gzip, of ${budget[name]}`);
}

// The names of functions and the paths in panics tell what was linked.
const linked = read("build/linked.txt").toString();
for (const crate of FORBIDDEN_CRATES) {
  check(!new RegExp(`(^|[^a-z_])${crate}(\\[|::|-[0-9])`, "m").test(linked), `${crate} is not linked`);
}
check(/waterspout(\[|::)/m.test(linked), "the list of linked functions names this crate");

console.log(`size: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
