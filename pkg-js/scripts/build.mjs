/** Builds the package: the core to WebAssembly, the WebAssembly to a string, all of it to one module with types. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { minify } from "terser";
import { bytesModule, placeholder } from "./bytes.mjs";
import { exported, linkModule, linkTypes } from "./link.mjs";

const here = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const root = path.dirname(here);
const target = "wasm32-unknown-unknown";

// What the compiler uses by default, and every engine of the last years has.
const features = ["bulk-memory", "multivalue", "mutable-globals", "nontrapping-float-to-int", "reference-types", "sign-ext"].map(
  (feature) => `--enable-${feature}`,
);

const cargoHome = process.env.CARGO_HOME ?? path.join(homedir(), ".cargo");
const env = {
  ...process.env,
  PATH: `${process.env.PATH}${path.delimiter}${path.join(cargoHome, "bin")}`,
  // The standard library is built along, for size and without the texts of panics: an eighth less to download. Those flags
  // are not stable yet; the compiler is, so that there is one toolchain.
  RUSTC_BOOTSTRAP: "1",
  // The places of panics are part of the module; where it was built is not.
  RUSTFLAGS: `${process.env.RUSTFLAGS ?? ""} -Zunstable-options -Cpanic=immediate-abort --remap-path-prefix=${path.join(cargoHome, "registry", "src")}=. --remap-path-prefix=${root}=.`,
};

function run(command, args, cwd = root) {
  console.log(`> ${path.basename(command)} ${args.join(" ")}`);
  return execFileSync(command, args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

function tool(name) {
  return path.join(here, "node_modules", ".bin", name);
}

/** Has the module export these alone, and drops what no one can reach then. */
function keepExports(file, names) {
  const roots = names.map((name) => `export-${name}`);
  const graph = [{ name: "outside", reaches: roots, root: true }, ...names.map((name) => ({ name: `export-${name}`, export: name }))];
  const graphFile = path.join(here, "build", "exports.json");
  writeFileSync(graphFile, JSON.stringify(graph));
  run(tool("wasm-metadce"), [...features, file, "--graph-file", graphFile, "-g", "-o", file]);
}

/** What the module's own name section says its functions are called: the record of what was linked. */
function functionNames(module) {
  const [section] = WebAssembly.Module.customSections(module, "name");
  return new TextDecoder("latin1").decode(section).match(/[\x20-\x7e]{4,}/g) ?? [];
}

rmSync(path.join(here, "build"), { recursive: true, force: true });
rmSync(path.join(here, "dist"), { recursive: true, force: true });
for (const folder of ["build", "dist"]) mkdirSync(path.join(here, folder), { recursive: true });

const std = ["-Z", "build-std=std,panic_abort", "-Z", "build-std-features=optimize_for_size"];
const flags = [...std, "--quiet", "--lib", "--profile", "wasm", "--target", target, "--features", "js", "--crate-type", "cdylib"];
const { target_directory: targets } = JSON.parse(run("cargo", ["metadata", "--no-deps", "--format-version", "1"]));
// Of its own, or each build here would have the others build everything again.
const targetDirectory = path.join(targets, "package");
run("cargo", ["rustc", ...flags, "--target-dir", targetDirectory]);
const module = path.join(targetDirectory, target, "wasm", "waterspout.wasm");
run("wasm-bindgen", ["--target", "web", "--out-dir", path.join(here, "build"), module]);
const wasm = path.join(here, "build", "waterspout_bg.wasm");
writeFileSync(path.join(here, "build", "linked.txt"), functionNames(new WebAssembly.Module(readFileSync(wasm))).join("\n"));
// What takes out all that repeats, then all that takes room; functions of one kind stand together, and no byte says how memory lies.
const passes = ["-O3", "--reorder-functions-by-name", "-Oz", "--dealign", "--strip-debug", "--strip-producers", "--minify-imports-and-exports-and-modules"];
const promises = ["--low-memory-unused", "--zero-filled-memory"];
keepExports(wasm, exported);
const renames = JSON.parse(run(tool("wasm-opt"), [...promises, ...passes, ...features, wasm, "-o", wasm]));
writeFileSync(path.join(here, "build", "link.js"), linkModule(renames));
writeFileSync(path.join(here, "build", "link.d.ts"), linkTypes);
writeFileSync(path.join(here, "build", "bytes.d.ts"), "export function bytes(): Uint8Array<ArrayBuffer>;\n");
cpSync(wasm, path.join(here, "dist", "waterspout.wasm"));

/** An entry, with the module from where `source` has it. The second minifier takes 170 bytes more off. */
async function bundle(entry, name, source) {
  const outfile = path.join(here, "dist", `${name}.js`);
  await build({
    entryPoints: [path.join(here, "src", `${entry}.ts`)],
    outfile,
    alias: { "#module": path.join(here, "src", "module", `${source}.ts`) },
    external: ["./waterspout.wasm", "./events.js"],
    bundle: true,
    charset: "utf8",
    format: "esm",
    legalComments: "none",
    minify: true,
    target: "es2022",
  });
  const { code } = await minify(readFileSync(outfile, "utf8"), { module: true, ecma: 2022, compress: { hoist_funs: true, inline: 1 } });
  writeFileSync(outfile, code);
}
await bundle("index", "worker", "worker");
const worker = readFileSync(path.join(here, "dist", "worker.js"), "utf8");
// Vercel's bundlers tell a module that is to be compiled by this mark.
writeFileSync(path.join(here, "dist", "edge.js"), worker.replace("./waterspout.wasm", "./waterspout.wasm?module"));
const { text, code } = bytesModule(readFileSync(wasm), worker);
writeFileSync(path.join(here, "build", "bytes.js"), code);
await bundle("index", "index", "inline");
// Only now: the bundler would write other escapes, and a few hundred bytes more.
const main = path.join(here, "dist", "index.js");
// At the end: what is like each other stands together, which is 200 bytes less than with code on both sides.
writeFileSync(main, `${readFileSync(main, "utf8").replace(`"${placeholder}"`, "$bytes")}\nconst $bytes=\`${text}\`;`);
await bundle("slim", "slim", "slim");
await bundle("events", "events", "inline");
execFileSync(tool("tsc"), { cwd: here, stdio: "inherit" });
// Declarations of what those of the entries do not lead to.
for (const inner of ["after", "body", "core", "ending", "follow", "init", "job", "limits", "progress", "retry", "watched", "module/inline", "module/worker"]) {
  rmSync(path.join(here, "dist", `${inner}.d.ts`));
}
for (const licence of ["LICENSE-MIT", "LICENSE-APACHE"]) cpSync(path.join(root, licence), path.join(here, licence));
