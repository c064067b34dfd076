/**
 * Builds the program, tries it, says what it weighs, and fails beyond its budget or if it holds what it does not use.
 * With `std` as its argument it builds the standard library along, for size and without the texts of panics.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { homedir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(path.dirname(here));
const budget = JSON.parse(readFileSync(path.join(here, "budget.json"), "utf8"));
const withStd = process.argv[2] === "std";
const most = withStd ? budget.gzipWithStd : budget.gzip;

const cargoHome = process.env.CARGO_HOME ?? path.join(homedir(), ".cargo");
// The places of panics are part of the module; where it was built is not.
const flags = [`--remap-path-prefix=${path.join(cargoHome, "registry", "src")}=.`, `--remap-path-prefix=${root}=.`];
const std = ["-Z", "build-std=std,panic_abort", "-Z", "build-std-features=optimize_for_size"];
// Those flags are not stable yet; the compiler is, so that there is one toolchain.
if (withStd) flags.push("-Zunstable-options", "-Cpanic=immediate-abort");
const env = { ...process.env, ...(withStd ? { RUSTC_BOOTSTRAP: "1" } : {}), RUSTFLAGS: flags.join(" ") };
const run = (command, args) => execFileSync(command, args, { cwd: here, env, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

let [passed, failed] = [0, 0];
function check(holds, text) {
  holds ? passed++ : failed++;
  console.log(`${holds ? "ok    " : "FAILED"} ${text}`);
}

const { target_directory: targets } = JSON.parse(execFileSync("cargo", ["metadata", "--no-deps", "--format-version", "1"], { cwd: root }));
const target = path.join(targets, withStd ? "minimal-std" : "minimal");
const out = path.join(target, "web");
const name = "waterspout_example_minimal";
run("cargo", ["build", "--quiet", "--locked", "--release", "--target", "wasm32-unknown-unknown", "--target-dir", target, ...(withStd ? std : [])]);
run("wasm-bindgen", ["--target", "web", "--out-dir", out, path.join(target, "wasm32-unknown-unknown", "release", `${name}.wasm`)]);
writeFileSync(path.join(out, "package.json"), '{ "type": "module" }');
const bound = path.join(out, `${name}_bg.wasm`);
const [section] = WebAssembly.Module.customSections(new WebAssembly.Module(readFileSync(bound)), "name");
// Some compilers put a hash behind the name of a crate.
const names = new TextDecoder("latin1").decode(section).replace(/\[[0-9a-f]{16}\]/g, "");
const small = path.join(out, "small.wasm");
const features = ["bulk-memory", "multivalue", "mutable-globals", "nontrapping-float-to-int", "reference-types", "sign-ext"];
const passes = ["-Oz", "--strip-debug", "--strip-producers", ...features.map((feature) => `--enable-${feature}`)];
run(path.join(root, "pkg-js", "node_modules", ".bin", "wasm-opt"), [...passes, bound, "-o", small]);

const gzip = gzipSync(readFileSync(small), { level: 9 }).length;
check(gzip <= most, `the module is ${readFileSync(small).length} bytes, ${gzip} gzip, of ${most}`);
// What a program pays for only when it uses it, by a name that nothing else has.
for (const [unused, mark] of Object.entries(budget.unused)) check(!names.includes(mark), `without ${unused}: no ${mark}`);
check(names.includes("waterspout::client::queue"), "the names are those of what was linked");

const server = createServer((_, response) => response.end("hello")).listen(0, "127.0.0.1");
await new Promise((listening) => server.on("listening", listening));
const program = await import(pathToFileURL(path.join(out, `${name}.js`)));
await program.default({ module_or_path: readFileSync(small) });
const text = await program.get_text(`http://127.0.0.1:${server.address().port}/`);
check(text === "hello", "what is weighed makes a request");
const said = await program.get_text("ftp://example.com/").catch((error) => error);
check(/neither http nor https/.test(said), "and says what is wrong");
server.closeAllConnections();
server.close();

console.log(`minimal: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
