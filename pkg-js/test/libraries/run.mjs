/**
 * Tests the packed package with libraries that take a `fetch`, with fetch functions of other packages, and with test
 * tools: `LIBRARIES=FOLDER node test/libraries/run.mjs [NAME …]`. tests/setup.sh installs the libraries in that folder.
 *
 * Needs Node 22.20 or later, as several of the libraries do. The last line counts passed and failed checks.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { install } from "../bundlers/projects.mjs";
import { codeBlocks } from "../readme/blocks.mjs";

const folder = process.env.LIBRARIES;
if (!folder) {
  console.error("usage: LIBRARIES=FOLDER node test/libraries/run.mjs [NAME …]");
  process.exit(2);
}
// Node looks for a package in the folder of the importing file and in its parents: the package is in `suite`, and the
// libraries are in `folder`.
const suite = path.join(install(folder), "installed");
cpSync(path.dirname(fileURLToPath(import.meta.url)), suite, { recursive: true, filter: (file) => !/package(-lock)?\.json$/.test(file) });
// The programs of the README that need these libraries.
const programs = codeBlocks(readFileSync(path.join(suite, "node_modules", "waterspout", "README.md"), "utf8")).filter(({ check }) => check === "libraries");
mkdirSync(path.join(suite, "readme"));
for (const { line, code } of programs) writeFileSync(path.join(suite, "readme", `line-${line}.test.mjs`), code);
const { run } = await import(pathToFileURL(path.join(suite, "suite.mjs")).href);
const { passed, failed } = await run(process.argv.slice(2));
console.log(`js-libraries: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
