/** Opens a page in Chromium, from a server of its own. */
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { chromium } from "playwright-core";

const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const http = (listener) => createServer(listener);

/**
 * Calls `use` with an empty page and returns its result.
 *
 * The page's server has the files of `folder`, unless `answer` answers a request. `serve` makes the server; `scheme` is its scheme.
 */
export async function inPage({ folder, args = [], scheme = "http", serve = http, answer = () => false }, use) {
  const server = serve(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    if (await answer(request, response)) return;
    const type = pathname === "/" ? "text/html; charset=utf-8" : "text/javascript";
    const file = pathname === "/" ? "<!doctype html>" : await readFile(path.join(folder, path.normalize(pathname))).catch(() => undefined);
    response.writeHead(file === undefined ? 404 : 200, { "content-type": type }).end(file);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: [...flags, ...args] });
  try {
    const page = await browser.newPage();
    page.on("pageerror", (error) => console.error(`  page: ${error}`));
    await page.goto(`${scheme}://127.0.0.1:${server.address().port}/`);
    return await use(page);
  } finally {
    await browser.close();
    server.close();
  }
}
