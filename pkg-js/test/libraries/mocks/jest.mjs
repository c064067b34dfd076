/** Jest with ES modules: the tests in the folder `jest`. */
import { createRequire } from "node:module";
import path from "node:path";
import { runTests } from "./runner.mjs";

const folder = path.join(import.meta.dirname, "..", "jest");

export async function jest() {
  const program = createRequire(import.meta.url).resolve("jest/bin/jest");
  // Jest runs ES modules in contexts of `node:vm`.
  const node = ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning", program];
  const config = ["--rootDir", folder, "--config", path.join(folder, "jest.config.mjs")];
  await runTests("jest", folder, (file) => [...node, "--ci", ...config, "--json", "--outputFile", file]);
}
