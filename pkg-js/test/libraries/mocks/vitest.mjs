/** Vitest: the tests in the folder `vitest`. */
import { fileURLToPath } from "node:url";
import path from "node:path";
import { runTests } from "./runner.mjs";

export const vitest = () => runVitest("vitest", path.join(import.meta.dirname, "..", "vitest"));

/** Runs the tests of a folder with Vitest. */
export async function runVitest(name, folder) {
  const program = path.join(path.dirname(fileURLToPath(import.meta.resolve("vitest/package.json"))), "vitest.mjs");
  await runTests(name, folder, (file) => [program, "run", "--root", folder, "--reporter=json", `--outputFile=${file}`]);
}
