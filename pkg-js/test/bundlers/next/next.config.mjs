/** Next with its defaults. `root` is the folder of the packages, which Next otherwise guesses from lock files. */
import path from "node:path";

export default {
  outputFileTracingRoot: path.join(import.meta.dirname, "..", ".."),
  turbopack: { root: path.join(import.meta.dirname, "..", "..") },
};
