/** A static file server for the built page. It serves the files from a folder of a host without a demo server. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const folder = "/some/where/";
const contentTypes = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript" };

export async function serveFiles() {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://files.test");
    const name = pathname === folder ? "index.html" : pathname.slice(folder.length);
    const isFile = pathname.startsWith(folder) && !name.includes("..");
    const bytes = isFile ? await readFile(path.join(dist, name)).catch(() => undefined) : undefined;
    response.writeHead(bytes ? 200 : 404, { "content-type": contentTypes[path.extname(name)] ?? "text/plain" });
    response.end(bytes ?? "not found");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  return {
    url: `http://files.test:${port}${folder}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
