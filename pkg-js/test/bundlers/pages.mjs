/** The HTML of a page, a server for built pages, and a visit of a page in a browser. */
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";

const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".wasm": "application/wasm" };

/** Returns the HTML of a page. Its icon is empty, so that browsers do not ask for an icon. */
export const html = (page, script) =>
  `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script ${script} src="./${page}.js"></script>\n`;

/** Serves a folder. The result has `url` and `stop`. */
export async function serve(folder) {
  const server = createServer((request, response) => {
    const file = path.join(folder, path.normalize(new URL(request.url, "http://localhost").pathname));
    if (!existsSync(file)) return response.writeHead(404).end();
    response.setHeader("content-type", types[path.extname(file)] ?? "application/octet-stream");
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

/** Opens a page and returns its outcome, the complaints of its console, and the modules that it fetched. */
export async function visit(browser, url, lab, limit = 120_000) {
  const page = await browser.newPage();
  const [complaints, modules] = [[], []];
  const broken = new Promise((_, reject) => page.on("pageerror", reject));
  // The error may come before `broken` is awaited.
  broken.catch(() => undefined);
  page.on("console", (message) => {
    // The browser reports each error response of the lab. The test asks for these responses.
    const isOurs = !message.location().url.startsWith(lab);
    if (isOurs && ["error", "warning"].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on("request", (request) => {
    // An import of a module's URL is a script, not a fetch of the module.
    if (request.resourceType() === "fetch" && new URL(request.url()).pathname.endsWith(".wasm")) modules.push(request.url());
  });
  try {
    await page.goto(url, { timeout: limit });
    const found = await Promise.race([page.waitForFunction(() => globalThis.outcome, null, { timeout: limit }), broken]);
    return { outcome: await found.jsonValue(), complaints, modules };
  } catch (error) {
    throw new Error(`${error}\nthe console: ${complaints.join("\n") || "silent"}`);
  } finally {
    await page.close();
  }
}
