/** The types that the page's comments give, against each other and the package's. */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { check } from "./harness.mjs";

const compiler = createRequire(new URL("../../pkg-js/package.json", import.meta.url)).resolve("typescript/bin/tsc");
const page = fileURLToPath(new URL("../", import.meta.url));

export async function testTypes() {
  const told = await new Promise((resolve) => execFile(process.execPath, [compiler, "--project", page], (error, output) => resolve(error ? output || String(error) : "")));
  check("the page's types hold", told === "", told.split("\n", 5));
}
