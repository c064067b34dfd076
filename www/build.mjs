/**
 * Builds the page: copies the files for a static host to `dist/`.
 *
 * The npm package must be built first, with `npm run build` in `pkg-js`.
 */
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(here, "dist");
const library = path.join(here, "..", "pkg-js", "dist");

if (!existsSync(path.join(library, "index.js"))) {
  console.error(`${library}/index.js is missing: build the package first, with \`npm run build\` in pkg-js`);
  process.exit(1);
}
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
for (const name of ["index.html", "style", "src"]) cpSync(path.join(here, name), path.join(dist, name), { recursive: true });
cpSync(path.join(library, "index.js"), path.join(dist, "waterspout.js"));
// The file names its source map.
cpSync(path.join(library, "index.js.map"), path.join(dist, "index.js.map"));
// The client imports this file by its name, from its own folder, when a program first asks for events.
cpSync(path.join(library, "events.js"), path.join(dist, "events.js"));
console.log(dist);
