/**
 * Builds the program, runs it, prints the size of its module, and fails if the module is larger than its budget or
 * contains code of a feature that the program does not use.
 *
 * With the argument `std`, it also builds the standard library: for size, and without panic messages.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { homedir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { stdArguments, stdFlags, withNightly } from "../../pkg-js/scripts/toolchain.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(path.dirname(here));
const budget = JSON.parse(readFileSync(path.join(here, "budget.json"), "utf8"));
const withStd = process.argv[2] === "std";
const maxSize = withStd ? budget.gzipWithStd : budget.gzip;

const cargoHome = process.env.CARGO_HOME ?? path.join(homedir(), ".cargo");
// Panics name the source file in the module. The remapped paths give the same module wherever it is built.
const flags = [`--remap-path-prefix=${path.join(cargoHome, "registry", "src")}=.`, `--remap-path-prefix=${root}=.`];
if (withStd) flags.push(stdFlags);
const env = { ...(withStd ? withNightly(process.env) : process.env), RUSTFLAGS: flags.join(" ") };
// It would override the profile's `incremental`.
delete env.CARGO_INCREMENTAL;
const run = (command, args) => execFileSync(command, args, { cwd: here, env, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

let passed = 0;
let failed = 0;
function check(condition, text) {
  if (condition) passed += 1;
  else failed += 1;
  console.log(`${condition ? "ok    " : "FAILED"} ${text}`);
}

// Build the module and its JavaScript.
const { target_directory: targets } = JSON.parse(execFileSync("cargo", ["metadata", "--no-deps", "--format-version", "1"], { cwd: root }));
const target = path.join(targets, withStd ? "minimal-std" : "minimal");
const out = path.join(target, "web");
const name = "waterspout_example_minimal";
run("cargo", ["build", "--quiet", "--locked", "--release", "--target", "wasm32-unknown-unknown", "--target-dir", target, ...(withStd ? stdArguments : [])]);
run("wasm-bindgen", ["--target", "web", "--out-dir", out, path.join(target, "wasm32-unknown-unknown", "release", `${name}.wasm`)]);
writeFileSync(path.join(out, "package.json"), '{ "type": "module" }');

// Read the names of the linked functions before wasm-opt strips them.
const bound = path.join(out, `${name}_bg.wasm`);
const [section] = WebAssembly.Module.customSections(new WebAssembly.Module(readFileSync(bound)), "name");
// Some compilers add a hash to the name of a crate.
const names = new TextDecoder("latin1").decode(section).replace(/\[[0-9a-f]{16}\]/g, "");

// Optimize the module.
const small = path.join(out, "small.wasm");
const features = ["bulk-memory", "multivalue", "mutable-globals", "nontrapping-float-to-int", "reference-types", "sign-ext"];
// The first 1024 bytes of memory are the far end of the stack, so no pointer is so small that an added offset matters. The list of features is for linkers.
const passes = ["--low-memory-unused", "--flatten", "--rereloop", "-Oz", "-Oz", "--strip-debug", "--strip-producers", "--strip-target-features"];
run(path.join(root, "pkg-js", "node_modules", ".bin", "wasm-opt"), [...passes, ...features.map((feature) => `--enable-${feature}`), bound, "-o", small]);

const module = readFileSync(small);
const gzip = gzipSync(module, { level: 9 }).length;
check(gzip <= maxSize, `the module is ${module.length} bytes, ${gzip} bytes with gzip; the limit is ${maxSize}`);
for (const [feature, mark] of Object.entries(budget.unused)) check(!names.includes(mark), `without ${feature}: no ${mark}`);
// A mark that names nothing in the library's source is never linked, so its check above would always pass.
const source = readdirSync(path.join(root, "src"), { recursive: true })
  .filter((file) => file.endsWith(".rs"))
  .map((file) => readFileSync(path.join(root, "src", file), "utf8"))
  .join("\n");
for (const mark of Object.values(budget.unused).filter((mark) => mark.includes("::"))) {
  const missing = mark.match(/\w+/g).filter((part) => !source.includes(part));
  check(missing.length === 0, `the source has the names of ${mark}${missing.length > 0 ? `, except ${missing.join(" and ")}` : ""}`);
}
// Without names in the section, the checks above would always pass.
check(names.includes("waterspout::client::queue"), "the name section lists the linked functions");

// Run the module against a server.
const server = createServer((_, response) => response.end("hello")).listen(0, "127.0.0.1");
await new Promise((listening) => server.on("listening", listening));
const program = await import(pathToFileURL(path.join(out, `${name}.js`)));
await program.default({ module_or_path: module });
const text = await program.get_text(`http://127.0.0.1:${server.address().port}/`);
check(text === "hello", "the measured module makes a request");
const message = await program.get_text("ftp://example.com/").catch((error) => error);
check(/neither http nor https/.test(message), "an unsupported scheme is reported");
server.closeAllConnections();
server.close();

console.log(`minimal: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
