/**
 * Prints what a browser downloads, and what it consists of. Fails if an entry is larger than its budget, if the module contains forbidden
 * code, or if a bundler changes the module's bytes.
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { bundled, bundledFiles } from "./bundle.mjs";

/** Crates that the core must not link: they are large, and the engine does their work. */
const FORBIDDEN_CRATES = ["url", "idna", "httparse", "regex", "hashbrown", "zlib_rs", "brotli_decompressor", "ruzstd", "js_sys"];

/** The mean length of a line above which a file counts as minified. */
const MINIFIED_LINE = 120;

const here = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const dist = path.join(here, "dist");
const read = (name) => readFileSync(path.join(here, name));
const gzip = (bytes) => gzipSync(bytes, { level: 9 }).length;
const budget = JSON.parse(read("budget.json").toString());

let passed = 0;
let failed = 0;

function check(isRight, text) {
  if (isRight) passed++;
  else failed++;
  console.log(`${isRight ? "ok    " : "FAILED"} ${text}`);
}

/** Prints the sizes of a download and returns its size after gzip. */
function weigh(name, bytes) {
  const size = gzip(bytes);
  console.log(`${name}: ${bytes.length} bytes, ${size} gzip, ${brotliCompressSync(bytes).length} brotli`);
  return size;
}

/** Prints how much larger the download is because of each source file. */
function explain(files) {
  const all = files.map(([, code]) => code);
  const size = gzip(all.join(""));
  const rows = files.map(([name, code], index) => ({ name, bytes: code.length, share: size - gzip(all.toSpliced(index, 1).join("")) }));
  for (const { name, bytes, share } of rows.sort((left, right) => right.share - left.share)) {
    console.log(`  ${String(share).padStart(6)} gzip ${String(bytes).padStart(6)} bytes  ${name}`);
  }
}

// 1. The size of each entry, in the bundle of a program that uses everything of it.
weigh("the module", read("dist/waterspout.wasm"));
for (const [name, largest] of Object.entries(budget.gzip)) {
  const size = weigh(`${name}, bundled and minified`, Buffer.from(await bundled(path.join(dist, name))));
  check(size <= largest, `${name} is ${size} bytes gzip in a bundle, of ${largest}`);
}
console.log("index.js by source file; build/bytes.js is the module as a text:");
const alias = { "#module": path.join(here, "src", "module", "inline.ts") };
explain(await bundledFiles(path.join(here, "src", "index.ts"), { absWorkingDir: here, alias }));

// 2. What was linked. The names of functions and the paths in panics tell.
const linked = read("build/linked.txt").toString();
for (const crate of FORBIDDEN_CRATES) {
  check(!new RegExp(`(^|[^a-z_])${crate}(\\[|::|-[0-9])`, "m").test(linked), `${crate} is not linked`);
}
check(/waterspout(\[|::)/m.test(linked), "the list of linked functions names this crate");

// 3. The shipped files can be read, and debuggers find their sources.
for (const name of readdirSync(dist).filter((name) => name.endsWith(".js"))) {
  const code = read(`dist/${name}`).toString();
  const lines = code.split("\n").filter((line) => !line.startsWith("var text = "));
  const mean = lines.join("").length / lines.length;
  check(mean < MINIFIED_LINE, `${name} is not minified: its lines have ${Math.round(mean)} characters on average`);
  const [, map] = /\n\/\/# sourceMappingURL=(.*)\s*$/.exec(code) ?? [];
  const { sources = [], sourcesContent = [] } = map ? JSON.parse(read(`dist/${map}`).toString()) : {};
  const withText = sourcesContent.filter((text) => text.length > 0);
  check(sources.length > 0 && withText.length === sources.length, `${name} has a source map with the text of its ${sources.length} sources`);
}

// 4. The module's bytes survive what bundlers and servers do to a text.
const bytes = read("dist/waterspout.wasm");
const directory = path.join(here, "build", "bundles");
mkdirSync(directory, { recursive: true });
check(/^[\0-\x7f]*$/.test(read("dist/index.js").toString("latin1")), "index.js is ASCII");
for (const charset of ["ascii", "utf8"]) {
  const code = await bundled(path.join(dist, "index.js"), charset);
  check(Buffer.from(await moduleBytes(code, charset)).equals(bytes), `the module's bytes survive a bundle in ${charset}`);
  const misread = Buffer.from(code).toString("latin1");
  check(Buffer.from(await moduleBytes(misread, `${charset}-latin1`)).equals(bytes), `the module's bytes survive a bundle in ${charset} that is read as Latin-1`);
}

/** Returns the bytes that a bundle of the package compiles. */
async function moduleBytes(code, name) {
  const file = path.join(directory, `${name}.mjs`);
  writeFileSync(file, code);
  const { Client } = await import(pathToFileURL(file).href);
  const { Module } = WebAssembly;
  let compiled = new Uint8Array();
  WebAssembly.Module = function (source) {
    compiled = source;
    return new Module(source);
  };
  const client = new Client({ maxActive: 1, fetch: async () => new Response("hello") });
  await client.fetch("http://example.test/");
  WebAssembly.Module = Module;
  return compiled;
}

console.log(`size: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
