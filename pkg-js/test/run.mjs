/**
 * Packs the package, installs it as a user would, and runs the scenarios on it:
 * `node test/run.mjs LAB_URL [node] [chromium]`. The last line of each platform counts what passed and failed.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";

const here = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [base = "http://127.0.0.1:8737", ...platforms] = process.argv.slice(2);
const all = { node: inNode, module: inPage, bundle: inBundle };
const user = mkdtempSync(path.join(tmpdir(), "waterspout-user-"));

/** A project of a user's own that has the packed package installed. */
function install() {
  const npm = (args, cwd) => execFileSync("npm", args, { cwd, stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" });
  const packed = JSON.parse(npm(["pack", "--json", "--ignore-scripts", "--pack-destination", user], here));
  writeFileSync(path.join(user, "package.json"), JSON.stringify({ private: true, type: "module" }));
  npm(["install", "--no-audit", "--no-fund", path.join(user, packed[0].filename)], user);
  copyFileSync(path.join(here, "test", "scenarios.mjs"), path.join(user, "scenarios.mjs"));
}

/** Node imports the installed package by its name. */
async function inNode() {
  const { run } = await import(pathToFileURL(path.join(user, "scenarios.mjs")).href);
  return run(base, "js-node", { streams: true, wasm: () => readFile(path.join(user, "node_modules/waterspout/dist/waterspout.wasm")) });
}

/** A page without any build: a module script and an import map. */
async function inPage() {
  const imports = Object.fromEntries(["", "/events", "/slim"].map((entry) => [`waterspout${entry}`, `./node_modules/waterspout/dist${entry || "/index"}.js`]));
  const page = `<!doctype html><script type="importmap">{"imports":${JSON.stringify(imports)}}</script>`;
  return inChromium(page, "./scenarios.mjs", "js-module");
}

/** A page whose script was bundled from the installed package. */
async function inBundle() {
  const outfile = path.join(user, "bundle.mjs");
  await build({ entryPoints: [path.join(user, "scenarios.mjs")], bundle: true, format: "esm", minify: true, outfile, logLevel: "warning" });
  return inChromium("<!doctype html>", "./bundle.mjs", "js-bundle");
}

async function inChromium(html, module, name) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    if (pathname === "/") return response.setHeader("content-type", "text/html; charset=utf-8").end(html);
    const file = path.join(user, path.normalize(pathname));
    if (!existsSync(file)) return response.writeHead(404).end();
    response.setHeader("content-type", file.endsWith(".wasm") ? "application/octet-stream" : "text/javascript").end(await readFile(file));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  try {
    const page = await browser.newPage();
    page.on("pageerror", (error) => console.error(`  page: ${error}`));
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    return await page.evaluate(
      async ([module, base, name]) => (await import(module)).run(base, name, { streams: false }),
      [module, base, name],
    );
  } finally {
    await browser.close();
    server.close();
  }
}

/** Names that neither side may forget: the Rust list and this one are the same but for `notHere`. */
async function sameNames() {
  const list = await readFile(path.join(here, "..", "tests", "scenarios", "mod.rs"), "utf8");
  const rust = [...list.matchAll(/^\s+[a-z]+::([a-z0-9_]+),$/gm)].map((match) => match[1]);
  const { scenarios, notHere } = await import(pathToFileURL(path.join(user, "scenarios.mjs")).href);
  const js = new Set([...Object.keys(scenarios), ...Object.keys(notHere)]);
  const missing = rust.filter((name) => !js.has(name)).map((name) => ({ name: `${name} is in the Rust list`, error: "not here" }));
  const extra = [...js].filter((name) => !rust.includes(name)).map((name) => ({ name, error: "not in the Rust list" }));
  if (rust.length === 0) missing.push({ name: "the Rust list", error: "is empty" });
  return missing.length + extra.length > 0 ? [...missing, ...extra] : [{ name: "the Rust list and this one have the same names" }];
}

let failed = 0;
try {
  install();
  for (const platform of platforms.length > 0 ? platforms : Object.keys(all)) {
    const results = [...(platform === "node" ? await sameNames() : []), ...(await all[platform]())];
    const wrong = results.filter((result) => result.error);
    for (const { name, error } of wrong) console.log(`FAILED ${name}\n${error}\n`);
    console.log(`js-${platform}: ${results.length - wrong.length} passed, ${wrong.length} failed`);
    failed += wrong.length;
  }
} finally {
  rmSync(user, { recursive: true, force: true });
}
process.exit(failed > 0 ? 1 : 0);
