/** Builds the page: copies what a static host needs to dist/. The package must be built before: pkg-js/scripts/build.mjs. */
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(here, "dist");
const library = path.join(here, "..", "pkg-js", "dist");

if (!existsSync(path.join(library, "index.js"))) {
  console.error(`${library} is missing: build the package first, with \`npm run build\` in pkg-js`);
  process.exit(1);
}
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
for (const name of ["index.html", "style", "src"]) cpSync(path.join(here, name), path.join(dist, name), { recursive: true });
cpSync(path.join(library, "index.js"), path.join(dist, "waterspout.js"));
// The client loads it by this name from beside itself, when events are asked for.
cpSync(path.join(library, "events.js"), path.join(dist, "events.js"));
console.log(dist);
