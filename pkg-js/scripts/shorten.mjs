/**
 * Gives the imports and exports of a module short names, in the glue as well. They are long, and stand in both.
 */

/** `renames` is what `wasm-opt --minify-imports-and-exports-and-modules` prints. */
export function shorten(glue, renames) {
  const { imports, exports } = JSON.parse(renames);
  const replace = (pattern, replacement) => {
    if (glue.search(pattern) < 0) throw new Error(`the glue does not contain ${pattern}`);
    glue = glue.replaceAll(pattern, replacement);
  };
  for (const [, name, short] of imports) replace(new RegExp(`\\b${name}:`, "g"), `${short}:`);
  // All imports come from one module; wasm-opt calls it `a`.
  replace(/"\.\/waterspout_bg\.js":/g, '"a":');
  for (const [name, short] of exports) {
    const pattern = new RegExp(`\\bwasm\\.${name}\\b`, "g");
    if (glue.search(pattern) >= 0) replace(pattern, `wasm.${short}`);
  }
  return glue;
}
