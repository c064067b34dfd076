/** Bundles and minifies as the bundler of a user does, to measure what a browser downloads. */
import { build, transform } from "esbuild";

/** The settings of a user: the default charset of esbuild is ASCII. */
const settings = { format: "esm", minify: true };

/** Returns the bundle of a program that uses everything that a file of the package exports. */
export async function bundled(file, charset = "ascii") {
  const stdin = { contents: `export * from ${JSON.stringify(file)}`, resolveDir: "/" };
  const { outputFiles } = await build({ ...settings, charset, stdin, bundle: true, external: ["*.wasm"], write: false });
  return outputFiles[0].text;
}

/** Returns a module's code as it stands in such a bundle. */
export async function minified(code) {
  return (await transform(code, settings)).code;
}

/** Returns the minified code of each source file in a bundle of `entry`, without the list of exports: pairs of a path and a text. */
export async function bundledFiles(entry, options) {
  // Without `minifyWhitespace`, esbuild writes a comment with the path before the code of each file.
  const readable = { ...options, format: "esm", minifyIdentifiers: true, minifySyntax: true };
  const { outputFiles } = await build({ ...readable, entryPoints: [entry], bundle: true, write: false });
  const [code] = outputFiles[0].text.split(/^export \{/m);
  const [, ...parts] = code.split(/^\/\/ (\S+\.[jt]s)$/m);
  const files = new Map();
  for (let at = 0; at < parts.length; at += 2) {
    const { code } = await transform(parts[at + 1], { minifyWhitespace: true });
    files.set(parts[at], (files.get(parts[at]) ?? "") + code);
  }
  return [...files];
}
