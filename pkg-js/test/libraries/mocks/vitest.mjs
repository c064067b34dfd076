/** Vitest: the tests in the folder `vitest`. */
import { fileURLToPath } from "node:url";
import path from "node:path";
import { runTests } from "./runner.mjs";

const folder = path.join(import.meta.dirname, "..", "vitest");

export async function vitest() {
  const program = path.join(path.dirname(fileURLToPath(import.meta.resolve("vitest/package.json"))), "vitest.mjs");
  await runTests("vitest", folder, (file) => [program, "run", "--root", folder, "--reporter=json", `--outputFile=${file}`]);
}
