/** Builds a page. Plugins of Rollup find packages and emit the module as a file. */
import { nodeResolve } from "@rollup/plugin-node-resolve";
import url from "@rollup/plugin-url";

const page = process.env.PAGE;

export default {
  input: `${page}.js`,
  output: { dir: `out/${page}`, format: "es" },
  plugins: [nodeResolve({ browser: true }), url({ include: "**/*.wasm", limit: 0 })],
};
