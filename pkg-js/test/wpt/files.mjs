/** Finds the pages of web-platform-tests, by the names of the files and their META lines. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";

/** The times that the harness waits for a page, in milliseconds, and the additional time of this program. */
const SHORT = 10_000;
const LONG = 60_000;
const GRACE = 15_000;

function* filesBelow(checkout, name) {
  const whole = path.join(checkout, name);
  if (!statSync(whole).isDirectory()) yield name;
  else for (const entry of readdirSync(whole)) if (entry !== "resources") yield* filesBelow(checkout, path.join(name, entry));
}

/** Returns the META lines of a script, or the meta elements of a page. */
function metadata(text, isPage) {
  const lines = isPage ? text.matchAll(/<meta\s+name=["']?(\w+)["']?\s+content=["']?([^"'>]*)/g) : text.matchAll(/^\/\/\s*META:\s*(\w+)=(.*)$/gm);
  const found = [...lines].map(([, name, value]) => ({ name, value: value.trim() }));
  const all = (name) => found.filter((line) => line.name === name).map((line) => line.value);
  return { globals: all("global").at(-1), isLong: all("timeout").includes("long"), variants: all("variant") };
}

/** Returns the pages of a file: their names, and whether the test runs in a worker. */
function pages(file, text) {
  if (file.endsWith(".any.js")) {
    const globals = (metadata(text).globals ?? "window,dedicatedworker").split(",").map((name) => name.trim());
    const inWindow = globals.includes("window") ? [{ name: file.replace(/\.js$/, ".html"), worker: false }] : [];
    const inWorker = globals.some((name) => name === "worker" || name === "dedicatedworker") ? [{ name: file.replace(/\.js$/, ".worker.html"), worker: true }] : [];
    return [...inWindow, ...inWorker];
  }
  if (file.endsWith(".window.js")) return [{ name: file.replace(/\.js$/, ".html"), worker: false }];
  return text.includes("/resources/testharness.js") ? [{ name: file, worker: false }] : [];
}

/** Returns the pages in files or folders of the checkout, with their URLs on the server. */
export function find(checkout, names, server) {
  const files = [...new Set(names.flatMap((name) => [...filesBelow(checkout, name)]))].filter((file) => /\.(any\.js|window\.js|html)$/.test(file));
  return files.sort().flatMap((file) => {
    const text = readFileSync(path.join(checkout, file), "utf8");
    // Tests that need a driver beside the page cannot run here.
    if (text.includes("testdriver")) return [];
    const { isLong, variants } = metadata(text, file.endsWith(".html"));
    const kind = /\.h2\./.test(file) ? "h2" : /\.https\./.test(file) ? "https" : "http";
    const limit = (isLong ? LONG : SHORT) + GRACE;
    const addresses = pages(file, text).flatMap((page) => (variants.length > 0 ? variants : [""]).map((variant) => ({ ...page, address: page.name + variant })));
    return addresses.map(({ address, worker }) => ({ file, address, worker, limit, url: `${server.origin(kind)}/${address}` }));
  });
}
