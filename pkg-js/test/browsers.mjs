/**
 * Runs the scenarios in browsers: a page, or a worker of a page, runs a module of the user's folder and posts the results.
 *
 * playwright-core drives Chromium. It cannot drive the system's Firefox and WebKit, so these use their own drivers.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { judged } from "./differs.mjs";
import { whileOpen } from "./webdriver.mjs";

/** The longest time of a page, in milliseconds. */
const LIMIT = 600_000;

/** The HTML of pages that run the module, in the page or in a worker. */
const window = `<script type="module" src="./main.mjs"></script>`;
const worker = `<script type="module">new Worker("./main.mjs", { type: "module" });</script>`;

/** Returns the results of a visit in Chromium. `head` stands before the script, `policy` is the page's Content-Security-Policy. */
export const inChromium = (user, visit) => visited(user, { page: window, ...visit }, inPlaywright);

/** Runs the scenarios in a page, or in a dedicated worker, with a script that was bundled from the installed package. */
export const inBundle = async (user, base) => inChromium(user, { module: await bundled(user), base, name: "js-bundle" });
export const inWorker = async (user, base) => inChromium(user, { module: await bundled(user), base, name: "js-worker", page: worker });

/** Runs the scenarios in Firefox through geckodriver, in a page and in a worker. */
export const inFirefox = (user, base) => inOther("firefox", user, base, /Firefox\//, {
  driver: process.env.GECKODRIVER ?? "geckodriver",
  capabilities: { "moz:firefoxOptions": { args: ["-headless"], ...(process.env.FIREFOX && { binary: process.env.FIREFOX }) } },
  folder: user,
});

/** Runs the scenarios in WebKit through the driver of WebKitGTK, in a page and in a worker. The driver needs a display. */
export const inWebKit = (user, base) => inOther("webkit", user, base, /^(?!.*Chrome\/).*AppleWebKit\//, {
  driver: process.env.WEBKITDRIVER ?? "WebKitWebDriver",
  // The driver starts the browser that comes with it.
  capabilities: {},
  folder: user,
});

/** Bundles the scenarios and the package into a module and returns its URL. */
async function bundled(user) {
  const outfile = path.join(user, "bundle.mjs");
  await build({ entryPoints: [path.join(user, "scenarios.mjs")], bundle: true, format: "esm", minify: true, outfile, logLevel: "warning" });
  return "./bundle.mjs";
}

async function inOther(engine, user, base, agent, browser) {
  const [module, results] = [await bundled(user), []];
  for (const [place, page] of Object.entries({ window, worker })) {
    const visit = { module, base, name: `js-${engine}-${place}`, page, agent };
    const found = judged(engine, await visited(user, visit, (url, work) => whileOpen(url, browser, work)));
    results.push(...found.map(({ name, error }) => ({ name: `${name} (${place})`, error })));
  }
  return results;
}

async function inPlaywright(url, work) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  try {
    const page = await browser.newPage();
    page.on("pageerror", (error) => console.error(`  page: ${error}`));
    await page.goto(url);
    return await work();
  } finally {
    await browser.close();
  }
}

/** Serves the page and the user's folder, opens the page with `open`, and returns the posted results. */
async function visited(user, { page, head = "", module, base, name, policy, agent = /Chrome\// }, open) {
  const main = `import(${JSON.stringify(module)}).then(({ run }) => run(${JSON.stringify(base)}, ${JSON.stringify(name)}, { streams: false }))
    .then((results) => ({ results }), (error) => ({ error: String(error?.stack ?? error) }))
    .then((outcome) => fetch("./outcome", { method: "POST", body: JSON.stringify({ ...outcome, agent: navigator.userAgent }) }));`;
  let posted;
  const outcome = new Promise((resolve) => (posted = resolve));
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    if (policy) response.setHeader("content-security-policy", policy);
    if (pathname === "/") return response.setHeader("content-type", "text/html; charset=utf-8").end(`<!doctype html>${head}${page}`);
    if (pathname === "/outcome") return posted(JSON.parse(Buffer.concat(await request.toArray()).toString())), response.end();
    response.setHeader("content-type", pathname.endsWith(".wasm") ? "application/octet-stream" : "text/javascript");
    if (pathname === "/main.mjs") return response.end(main);
    const file = path.join(user, path.normalize(pathname));
    if (!existsSync(file)) return response.writeHead(404).end();
    response.end(await readFile(file));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`the page took over ${LIMIT / 1000} s`)), LIMIT)));
  try {
    const { results, error, agent: found } = await open(`http://127.0.0.1:${server.address().port}/`, () => Promise.race([outcome, late]));
    if (error) throw new Error(`in the page: ${error}`);
    if (!agent.test(found)) throw new Error(`another browser: ${found}`);
    return results;
  } finally {
    clearTimeout(timer);
    server.closeAllConnections();
    server.close();
  }
}
