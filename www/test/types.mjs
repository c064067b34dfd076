/** Tests the types in the comments of the page's modules, against each other and against the types of the package. */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { check } from "./harness.mjs";

const compiler = createRequire(new URL("../../pkg-js/package.json", import.meta.url)).resolve("typescript/bin/tsc");
const page = fileURLToPath(new URL("../", import.meta.url));

export async function testTypes() {
  const errors = await new Promise((resolve) => {
    execFile(process.execPath, [compiler, "--project", page], (error, output) => resolve(error ? output || String(error) : ""));
  });
  check("the TypeScript compiler finds no type error", errors === "", errors.split("\n", 5));
}
