/**
 * Builds the package: compiles the core to WebAssembly, writes the WebAssembly as a string, and bundles both with the TypeScript.
 *
 * The files are not minified, because bundlers do that, and have source maps with the sources in them. `scripts/size.mjs` measures
 * what a bundler makes of them. The comments name the bytes that a step saves there, where that is the step's only purpose.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { bundled } from "./bundle.mjs";
import { bytesModule } from "./bytes.mjs";
import { exported, linkModule, linkTypes } from "./link.mjs";
import { stdArguments, stdFlags, withNightly } from "./toolchain.mjs";

const here = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const root = path.dirname(here);
const buildDirectory = path.join(here, "build");
const distDirectory = path.join(here, "dist");
const target = "wasm32-unknown-unknown";

// The features that the compiler uses by default. Engines have had them for years.
const features = ["bulk-memory", "multivalue", "mutable-globals", "nontrapping-float-to-int", "reference-types", "sign-ext"].map(
  (feature) => `--enable-${feature}`,
);

const cargoHome = process.env.CARGO_HOME ?? path.join(homedir(), ".cargo");
const env = {
  ...withNightly(process.env),
  PATH: `${process.env.PATH}${path.delimiter}${path.join(cargoHome, "bin")}`,
  // The cfg adds the exports for JavaScript, which no Rust program has. Panics contain paths of source files. The remaps remove the directory of the build from them.
  RUSTFLAGS: `${process.env.RUSTFLAGS ?? ""} --cfg waterspout_npm ${stdFlags} --remap-path-prefix=${path.join(cargoHome, "registry", "src")}=. --remap-path-prefix=${root}=.`,
};

function run(command, args, cwd = root) {
  console.log(`> ${path.basename(command)} ${args.join(" ")}`);
  return execFileSync(command, args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

function tool(name) {
  return path.join(here, "node_modules", ".bin", name);
}

/** Removes all other exports from the module, and the code that only they reach. */
function keepExports(file, names) {
  const roots = names.map((name) => `export-${name}`);
  const graph = [{ name: "outside", reaches: roots, root: true }, ...names.map((name) => ({ name: `export-${name}`, export: name }))];
  const graphFile = path.join(buildDirectory, "exports.json");
  writeFileSync(graphFile, JSON.stringify(graph));
  run(tool("wasm-metadce"), [...features, file, "--graph-file", graphFile, "-g", "-o", file]);
}

/** Returns the names in the module's name section: a record of the functions that were linked. */
function functionNames(module) {
  const [section] = WebAssembly.Module.customSections(module, "name");
  return new TextDecoder("latin1").decode(section).match(/[\x20-\x7e]{4,}/g) ?? [];
}

/** Compiles the core and returns the path of its module. */
function compileCore() {
  const flags = [...stdArguments, "--quiet", "--lib", "--profile", "wasm", "--target", target, "--crate-type", "cdylib"];
  const { target_directory: targets } = JSON.parse(run("cargo", ["metadata", "--no-deps", "--format-version", "1"]));
  // A separate directory: with other flags in the same directory, each build would invalidate the other.
  const targetDirectory = path.join(targets, "package");
  run("cargo", ["rustc", ...flags, "--target-dir", targetDirectory]);
  const module = path.join(targetDirectory, target, "wasm", "waterspout.wasm");
  run("wasm-bindgen", ["--target", "web", "--out-dir", buildDirectory, module]);
  return path.join(buildDirectory, "waterspout_bg.wasm");
}

/** Optimizes the module in place. Returns the new names of imports and exports. */
function optimize(wasm) {
  keepExports(wasm, exported);
  // The first 1024 bytes of memory are unused: they are the far end of the stack of 1 MiB (saves 81 bytes).
  const promises = ["--low-memory-unused"];
  // These optimizations after the first work on a simpler form of the code (saves 80 bytes).
  const optimizations = ["--flatten", "--rereloop", "-Oz", "-Oz"];
  // The list of features is for linkers (saves 160 bytes). Short names save about 500 bytes.
  const removals = ["--strip-debug", "--strip-producers", "--strip-target-features", "--minify-imports-and-exports-and-modules"];
  return JSON.parse(run(tool("wasm-opt"), [...promises, ...optimizations, ...removals, ...features, wasm, "-o", wasm]));
}

/** Leaves imports to the platform: the compiled module under the name `compiled`, and files that a program may load later. */
function external(compiled) {
  return {
    name: "external",
    setup({ onResolve }) {
      onResolve({ filter: /^\.\/waterspout\.wasm$/ }, () => ({ path: compiled, external: true }));
      onResolve({ filter: /^\.\// }, ({ kind, path }) => (kind === "dynamic-import" ? { path, external: true } : undefined));
    },
  };
}

/** Bundles an entry with the module from `src/module/source.ts`. Returns the path of the file. */
async function bundle(entry, name, source, compiled = "./waterspout.wasm") {
  const outfile = path.join(distDirectory, `${name}.js`);
  await build({
    entryPoints: [path.join(here, "src", `${entry}.ts`)],
    outfile,
    alias: { "#module": path.join(here, "src", "module", `${source}.ts`) },
    plugins: [external(compiled)],
    bundle: true,
    format: "esm",
    sourcemap: "linked",
    target: "es2022",
  });
  return outfile;
}

for (const directory of [buildDirectory, distDirectory]) {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
}

// 1. The core.
const wasm = compileCore();
writeFileSync(path.join(buildDirectory, "linked.txt"), functionNames(new WebAssembly.Module(readFileSync(wasm))).join("\n"));
const renames = optimize(wasm);
cpSync(wasm, path.join(distDirectory, "waterspout.wasm"));

// 2. The code around it.
writeFileSync(path.join(buildDirectory, "link.js"), linkModule(renames));
writeFileSync(path.join(buildDirectory, "link.d.ts"), linkTypes);
writeFileSync(path.join(buildDirectory, "bytes.d.ts"), "export function bytes(): Uint8Array<ArrayBuffer>;\n");

// 3. The entries without the module's bytes. Some platforms compile the module themselves. Vercel's bundlers recognize such a module by
//    the mark `?module`.
const worker = await bundle("index", "worker", "worker");
await bundle("index", "edge", "worker", "./waterspout.wasm?module");
await bundle("slim", "slim", "slim");
await bundle("events", "events", "inline");

// 4. The entry that contains the module. Its other code is the same as the worker's.
writeFileSync(path.join(buildDirectory, "bytes.js"), await bytesModule(readFileSync(wasm), await bundled(worker)));
await bundle("index", "index", "inline");

// 5. The declarations, without the declarations of files that no entry exports.
execFileSync(tool("tsc"), { cwd: here, stdio: "inherit" });
const internalFiles = ["abort", "arguments", "attempt", "body", "body-watch", "checks", "clock", "context", "core", "event-parser", "form-length", "hook-sender", "init", "limits", "options", "progress", "protocol", "query", "repeat", "report", "request", "request-errors", "response", "retry", "shortcuts", "slot", "status-data", "stream", "wait-times", "module/inline", "module/worker"];
for (const file of internalFiles) rmSync(path.join(distDirectory, `${file}.d.ts`), { force: true });

for (const licence of ["LICENSE-MIT", "LICENSE-APACHE"]) cpSync(path.join(root, licence), path.join(here, licence));
