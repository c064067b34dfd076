/**
 * Packs the package, installs it as a user would, and runs the scenarios with it:
 * `node test/run.mjs SERVER_URL [node] [module] [bundle] [worker] [service-worker] [lockdown] [packed] [readme] [drop-in]`. Without a name, all of these run.
 *
 * These run only when named: `[firefox] [webkit]`, and `[deno] [bun] [workerd] [node22] [node24] [node26]` with their folder in ENGINES.
 * The last line of each platform counts passed and failed scenarios.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { inBundle, inChromium, inFirefox, inWebKit, inWorker } from "./browsers.mjs";
import { inBun, inDeno, inWorkerd, nodes } from "./engines.mjs";
import { brokenCore, hostileRequests, withoutRegistry } from "./fresh.mjs";
import { inLockdown } from "./lockdown.mjs";
import { asReadme } from "./readme.mjs";
import { inServiceWorker } from "./service-worker.mjs";

const here = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [base = "http://127.0.0.1:8737", ...platforms] = process.argv.slice(2);
const all = { node: inNode, module: inPage, bundle: inBundle, worker: inWorker, "service-worker": inServiceWorker, lockdown: inLockdown, packed: asPacked, readme: asReadme, "drop-in": asDropIn };
const engines = { deno: inDeno, bun: inBun, workerd: inWorkerd, ...nodes, firefox: inFirefox, webkit: inWebKit };
const user = mkdtempSync(path.join(tmpdir(), "waterspout-user-"));

/** The path of the tarball. */
let packed;

/** Makes a user's project with the packed package. */
function install() {
  const npm = (args, cwd) => execFileSync("npm", args, { cwd, stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" });
  const tarball = JSON.parse(npm(["pack", "--json", "--ignore-scripts", "--pack-destination", user], here));
  writeFileSync(path.join(user, "package.json"), JSON.stringify({ private: true, type: "module" }));
  npm(["install", "--no-audit", "--no-fund", (packed = path.join(user, tarball[0].filename))], user);
  for (const list of ["scenarios.mjs", "events.mjs"]) copyFileSync(path.join(here, "test", list), path.join(user, list));
  cpSync(path.join(here, "test", "scenarios"), path.join(user, "scenarios"), { recursive: true });
  cpSync(path.join(here, "test", "drop-in"), path.join(user, "drop-in"), { recursive: true });
}

/** Runs the scenarios in this Node, which imports the installed package by its name. */
async function inNode() {
  const { run } = await import(pathToFileURL(path.join(user, "scenarios.mjs")).href);
  return run(base, "js-node", { streams: true, wasm: () => readFile(path.join(user, "node_modules/waterspout/dist/waterspout.wasm")) });
}

/** Runs the scenarios in a page without any build: a module script and an import map. */
async function inPage() {
  const imports = Object.fromEntries(["", "/events", "/slim"].map((entry) => [`waterspout${entry}`, `./node_modules/waterspout/dist${entry || "/index"}.js`]));
  const head = `<script type="importmap">{"imports":${JSON.stringify(imports)}}</script>`;
  return inChromium(user, { module: "./scenarios.mjs", base, name: "js-module", head });
}

/** Makes the same calls with the engine's fetch and with the client's fetch, in Node and in a page. */
async function asDropIn() {
  const outfile = path.join(user, "drop-in.mjs");
  await build({ entryPoints: [path.join(user, "drop-in/index.mjs")], bundle: true, format: "esm", outfile, logLevel: "warning" });
  const { run } = await import(pathToFileURL(path.join(user, "drop-in/index.mjs")).href);
  const named = (platform, results) => results.map(({ name, error }) => ({ name: `${name} in ${platform}`, error }));
  return [...named("Node", await run(base)), ...named("Chromium", await inChromium(user, { module: "./drop-in.mjs", base, name: "js-drop-in" }))];
}

/** Checks the tarball with tools, its types with the compiler, and each way to get the core. */
async function asPacked() {
  const checks = { ...packaging, ...types(), a_page_may_forbid_to_compile: underPolicy };
  const results = [];
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check();
      results.push({ name });
    } catch (error) {
      results.push({ name, error: `${error.stdout ?? ""}${error.stderr ?? ""}${error.stack ?? error}` });
    }
  }
  return results;
}

const tool = (name) => path.join(here, "node_modules", ".bin", name);
const installed = path.join(user, "node_modules", "waterspout");
const execute = (command, args, cwd = user, timeout = 60_000) => execFileSync(command, args, { cwd, timeout, encoding: "utf8", stdio: "pipe" });

const packaging = {
  publint_has_nothing_to_say: () => execute(tool("publint"), ["--strict", installed]),
  // The package is ESM only. A resolution as CommonJS warns that the package must be imported, which is right.
  the_types_are_right_for_every_resolution: () =>
    execute(tool("attw"), [packed, "--profile", "esm-only", "--exclude-entrypoints", "./waterspout.wasm"]),
  nothing_is_needed_and_nothing_is_done_on_import: async () => {
    const manifest = JSON.parse(await readFile(path.join(installed, "package.json"), "utf8"));
    if (manifest.dependencies || manifest.sideEffects !== false || manifest.type !== "module") throw new Error("the manifest");
    // Importing must work without WebAssembly and fetch. A bundle that does not use the package contains nothing of it.
    const code = `delete globalThis.WebAssembly; delete globalThis.fetch; await import("waterspout"); await import("waterspout/slim"); await import("waterspout/events");`;
    execute(process.execPath, ["--input-type=module", "--eval", code]);
    const unused = await build({ stdin: { contents: `import "waterspout"; import "waterspout/slim";`, resolveDir: user }, bundle: true, format: "esm", write: false, logLevel: "silent" });
    if (unused.outputFiles[0].text.trim() !== "") throw new Error(`left over: ${unused.outputFiles[0].text.slice(0, 300)}`);
  },
  a_worker_is_given_the_module_that_its_platform_compiled: async () => {
    for (const [condition, mark] of [["workerd", ""], ["edge-light", "?module"]]) {
      const outfile = path.join(user, `${condition}.mjs`);
      const bytes = JSON.stringify(path.join(installed, "dist", "waterspout.wasm"));
      // A plugin resolves the import as such a platform does.
      const compiled = (plugin) => {
        plugin.onResolve({ filter: /\.wasm/ }, ({ path }) => (path === `./waterspout.wasm${mark}` ? { path, namespace: "compiled" } : undefined));
        plugin.onLoad({ filter: /./, namespace: "compiled" }, () => ({ contents: `import { readFileSync } from "node:fs"; export default new WebAssembly.Module(readFileSync(${bytes}))` , resolveDir: user }));
      };
      const contents = `import { Client } from "waterspout"; const { Module } = WebAssembly; WebAssembly.Module = function () { throw new Error("forbidden") };
        const client = new Client({ fetch: async () => new Response("hello") }); if ((await client.get("http://a/").text()) !== "hello") throw new Error("no answer");`;
      await build({ stdin: { contents, resolveDir: user }, bundle: true, format: "esm", platform: "neutral", external: ["node:fs"], conditions: [condition], outfile, plugins: [{ name: "compiled", setup: compiled }], logLevel: "silent" });
      execute(process.execPath, [outfile]);
    }
  },
  the_module_beside_the_file_is_found: () => {
    const contents = `import { Client, init } from "waterspout/slim"; await init(); const client = new Client({ fetch: async () => new Response("hello") });
      if ((await client.get("http://a/").text()) !== "hello") throw new Error("no answer");`;
    execute(process.execPath, ["--input-type=module", "--eval", contents]);
  },
  a_plain_call_reaches_the_platform_as_a_url_and_a_signal: () => {
    execute(process.execPath, ["--input-type=module", "--eval", plainCall]);
  },
  the_fallback_replaces_the_queue_alone: () => {
    execute(process.execPath, ["--input-type=module", "--eval", fallback]);
  },
  the_types_name_nothing_that_only_pages_have: async () => {
    const names = ["client", "errors", "events", "index", "reports", "types"];
    const texts = await Promise.all(names.map((name) => readFile(path.join(installed, "dist", `${name}.d.ts`), "utf8")));
    const [found] = texts.join().match(/\b(BodyInit|HeadersInit|RequestInfo|BufferSource)\b/) ?? [];
    if (found) throw new Error(`Node's own types have no ${found}`);
  },
  the_shipped_files_are_readable_and_have_source_maps: async () => {
    const dist = path.join(installed, "dist");
    const files = (await readdir(dist)).filter((name) => name.endsWith(".js"));
    for (const name of files) {
      const text = await readFile(path.join(dist, name), "utf8");
      const [, map] = text.match(/^\/\/# sourceMappingURL=(\S+)\s*$/m) ?? [];
      if (!map) throw new Error(`${name} names no source map`);
      const { sources, sourcesContent } = JSON.parse(await readFile(path.join(dist, map), "utf8"));
      if (!sources.length || sourcesContent?.length !== sources.length) throw new Error(`${map} has no sources`);
    }
    const text = await readFile(path.join(dist, "index.js"), "utf8");
    // The module of the core is a line of its own.
    if (!/\bclass _?Client\b/.test(text) || text.split("\n").length < 500) throw new Error("dist/index.js is minified");
  },
  each_error_code_is_thrown: async () => {
    const [, list] = (await readFile(path.join(installed, "dist", "errors.d.ts"), "utf8")).match(/type ErrorCode =([^;]+);/) ?? [];
    const codes = [...(list ?? "").matchAll(/"([A-Z_]+)"/g)].map(([, code]) => code);
    const sources = await Promise.all((await readdir(path.join(here, "src"), { recursive: true, withFileTypes: true })).filter((file) => file.isFile()).map(({ parentPath, path: folder, name }) => readFile(path.join(parentPath ?? folder, name), "utf8")));
    // In errors.ts, the first occurrence of a code is its declaration.
    const text = sources.join("\n").replace(/type ErrorCode =[^;]+;/, "").replace(/\/\*\*[^]*?\*\//g, "");
    const unused = codes.filter((code) => !text.includes(`"${code}"`));
    if (codes.length === 0 || unused.length > 0) throw new Error(`no code throws ${unused.join(", ") || "an error of the list"}`);
  },
  a_core_that_breaks_off_fails_its_waiting_requests_and_is_made_anew: () => {
    execute(process.execPath, ["--input-type=module", "--eval", brokenCore]);
  },
  a_core_that_breaks_off_ends_hostile_requests_too: () => {
    execute(process.execPath, ["--input-type=module", "--eval", hostileRequests]);
  },
  an_engine_without_finalization_registry_is_enough: () => {
    execute(process.execPath, ["--input-type=module", "--eval", withoutRegistry]);
  },
};

/** A program that checks the arguments of the platform's fetch. */
const plainCall = `import assert from "node:assert/strict";
const calls = [];
globalThis.fetch = (...call) => (calls.push(call), new Promise((resolve) => setTimeout(() => resolve(new Response("hello")))));
const { Client } = await import("waterspout");
const client = new Client({ maxActive: 1 });
const controller = new AbortController();
const init = { signal: controller.signal };
const url = new URL("http://a/path?q#f");
await client.fetch("http://a/");
await client.fetch(url, init);
// The arguments of a waiting call are copied at the call. For a call with more than a URL, a Request is built at the call.
const waiting = [client.fetch(url, init), client.fetch(url, init), client.fetch("http://a/", { method: "POST", body: "b" })];
url.pathname = "/other";
init.signal = undefined;
await Promise.all(waiting);
await client.fetch("http://a/", { method: "GET", waterspout: { timeout: 5_000 } });
const kind = (argument) => {
  if (argument instanceof Request) return argument.method + " " + argument.url;
  // Each attempt has a signal of the client's, so that \`close({ now: true })\` ends it.
  return argument.signal instanceof AbortSignal ? Object.keys(argument) : argument;
};
const bare = ["http://a/", ["signal"]];
const built = ["GET http://a/path?q#f"];
assert.deepEqual(calls.map((call) => call.map(kind)), [bare, built, built, built, ["POST http://a/"], bare]);
await assert.rejects(client.fetch("http://user:secret@a/", { method: "POST" }), TypeError);
assert.equal(calls.length, 6);
const reason = new Error("enough");
const aborted = client.fetch("http://a/", { signal: controller.signal });
controller.abort(reason);
await assert.rejects(aborted, reason);
assert.equal(calls[6][0].signal.reason, reason);
const closed = client.fetch("http://a/");
client.close({ now: true });
await assert.rejects(closed, { code: "CLOSED" });
assert.equal(calls[7][1].signal.reason.code, "CLOSED");`;

/** A program without a core: requests go to the fallback, with all options except the options of the queue. */
const fallback = `import assert from "node:assert/strict";
import { Client } from "waterspout/slim";
const calls = [];
const statuses = [];
const fallback = async (url, init) => {
  assert.equal(typeof url, "string");
  assert.equal(Object.getPrototypeOf(init), Object.prototype);
  calls.push(new Request(url, init));
  if (url.includes("/silence")) return new Promise((_, reject) => init.signal.addEventListener("abort", () => reject(init.signal.reason)));
  return new Response("hello", { status: statuses.shift() });
};
const client = new Client({ fallback });
await client.fetch("http://a/", new Request("http://b/", { method: "PUT", headers: { name: "value" } }));
await client.fetch(new Request("http://a/", { method: "DELETE" }));
await client.fetch("http://a/", { method: "POST", body: () => "made" });
const seen = await Promise.all(calls.map(async (request) => [request.method, request.headers.get("name"), await request.text()]));
assert.deepEqual(seen, [["PUT", "value", ""], ["DELETE", null, ""], ["POST", null, "made"]]);
const notes = [];
const hooks = {
  beforeRequest: ({ request, attempt }) => void (request.headers.set("hook", attempt), notes.push("request " + attempt)),
  beforeRetry: ({ status }) => void notes.push("retry after " + status),
  afterResponse: ({ response }) => void notes.push("response " + response.status),
  onError: ({ error }) => void notes.push(error.code ?? error.name),
};
const options = { baseUrl: "http://a/api/", headers: { name: "default" }, searchParams: { q: 1 }, throwHttpErrors: true, retry: { attempts: 2, baseDelay: 0 }, hooks };
const configured = new Client({ fallback, maxActive: 1, maxQueued: 0, rateLimit: { requests: 1, per: 60_000 }, ...options });
statuses.push(503);
assert.equal(await configured.get("users").text(), "hello");
const { url, headers } = calls.at(-1);
assert.deepEqual([url, headers.get("name"), headers.get("hook")], ["http://a/api/users?q=1", "default", "2"]);
assert.deepEqual(notes.splice(0), ["request 1", "response 503", "retry after 503", "request 2", "response 200"]);
statuses.push(404);
await assert.rejects(configured.get("users"), { code: "STATUS", data: "hello" });
assert.deepEqual(notes.splice(0), ["request 1", "response 404", "STATUS"]);
for (const timeout of [{ head: 20 }, { request: 20 }, { total: 20 }]) await assert.rejects(configured.get("silence", { timeout, retry: false }), { name: "TimeoutError" });
// There is no queue: requests beyond the slots are sent at once.
const before = calls.length;
const open = [1, 2, 3].map(() => configured.get("silence"));
assert.equal(calls.length, before + 3);
const closed = configured.close({ now: true });
for (const { reason } of await Promise.allSettled(open)) assert.equal(reason.code, "CLOSED");
await closed;`;

/** Checks the declarations under each way of resolving modules. */
function types() {
  const ways = { bundler: ["--module", "esnext"], node16: ["--module", "node16"], nodenext: ["--module", "nodenext"] };
  const check = ([resolution, module]) => {
    copyFileSync(path.join(here, "test", "types.ts"), path.join(user, "types.ts"));
    const flags = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--target", "es2022", "--lib", "es2022,dom,dom.iterable"];
    execute(tool("tsc"), [...flags, ...module, "--moduleResolution", resolution, "types.ts"]);
  };
  return Object.fromEntries(Object.entries(ways).map((way) => [`the_types_hold_under_${way[0]}`, () => check(way)]));
}

/** Checks a page whose policy forbids to compile: the request rejects with a typed error or uses the fallback. With the directive it works. */
async function underPolicy() {
  writeFileSync(path.join(user, "policy.mjs"), `import { Client, isWaterspoutError } from "./node_modules/waterspout/dist/index.js";
    export async function run() {
      const answer = async () => new Response("hello");
      const client = new Client({ fetch: answer });
      const error = await client.fetch("http://a/").then(() => undefined, (error) => error);
      const text = await new Client({ fetch: () => { throw new Error("no") }, fallback: answer }).get("http://a/").text().catch((error) => error.message);
      return [error && isWaterspoutError(error, "UNSUPPORTED") && error.message.includes("'wasm-unsafe-eval'") && error.cause.name, text];
    }`);
  const expected = { "script-src 'self'": '["CompileError","hello"]', "script-src 'self' 'wasm-unsafe-eval'": '[null,"no"]' };
  for (const [policy, outcome] of Object.entries(expected)) {
    const results = await inChromium(user, { module: "./policy.mjs", base, name: "policy", policy });
    const found = JSON.stringify(results);
    if (found !== outcome) throw new Error(`under ${policy}: ${found}, not ${outcome}`);
  }
}

/** Checks that the Rust list and the JavaScript list have the same names, except for the names in `notHere`. */
async function sameNames() {
  const list = await readFile(path.join(here, "..", "tests", "scenarios", "mod.rs"), "utf8");
  const rust = [...list.matchAll(/^\s+[a-z]+::([a-z0-9_]+),$/gm)].map((match) => match[1]);
  const { scenarios, notHere } = await import(pathToFileURL(path.join(user, "scenarios.mjs")).href);
  const js = new Set([...Object.keys(scenarios), ...Object.keys(notHere)]);
  const missing = rust.filter((name) => !js.has(name)).map((name) => ({ name: `${name} is in the Rust list`, error: "not here" }));
  const extra = [...js].filter((name) => !rust.includes(name)).map((name) => ({ name, error: "not in the Rust list" }));
  if (rust.length === 0) missing.push({ name: "the Rust list", error: "is empty" });
  return missing.length + extra.length > 0 ? [...missing, ...extra] : [{ name: "the Rust list and the JavaScript list have the same names" }];
}

let failed = 0;
try {
  install();
  for (const platform of platforms.length > 0 ? platforms : Object.keys(all)) {
    const results = [...(platform === "node" ? await sameNames() : []), ...(await (all[platform] ?? engines[platform])(user, base))];
    const wrong = results.filter((result) => result.error);
    for (const { name, error } of wrong) console.log(`FAILED ${name}\n${error}\n`);
    console.log(`js-${platform}: ${results.length - wrong.length} passed, ${wrong.length} failed`);
    failed += wrong.length;
  }
} finally {
  rmSync(user, { recursive: true, force: true });
}
process.exit(failed > 0 ? 1 : 0);
