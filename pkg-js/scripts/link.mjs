/**
 * Writes the glue between the module and the package.
 *
 * Only numbers pass between them, so the glue of wasm-bindgen is not needed: each side gets the functions of the other, under the
 * short names that wasm-opt has given them.
 */

/** The module's exports that the package uses, and their names in the package. */
const exportNames = {
  memory: "memory",
  __wbindgen_malloc: "allocate",
  acquire: "acquire",
  create: "create",
  dispatch: "dispatch",
  forget: "forget",
  pause: "pause",
  release: "release",
};

/** The module's names of its exports. */
export const exported = Object.keys(exportNames);

/** Returns the glue as a module. `renames` is the output of `wasm-opt --minify-imports-and-exports-and-modules`. */
export function linkModule(renames) {
  const imports = renames.imports.map(([, name, shortName]) => `${shortName}: ${importedFunction(name)}`);
  const exports = renames.exports.map(([name, shortName]) => {
    if (!exportNames[name]) throw new Error(`the module exports ${name}, which the package does not use`);
    return `${exportNames[name]}: ${name === "memory" ? `exports.${shortName}` : `guarded(exports.${shortName})`}`;
  });
  if (exports.length !== exported.length) throw new Error(`the module exports only ${renames.exports.join(" ")}, not ${exported.join(" ")}`);
  return `export function link(module, host, onTrap) {
  const guarded = (call) => (...args) => {
    try {
      return call(...args);
    } catch {
      onTrap();
    }
  };
  const { exports } = new WebAssembly.Instance(module, { a: { ${imports.join(", ")} } });
  return { ${exports.join(", ")} };
}
`;
}

/** Returns the code of a function that the module imports. wasm-bindgen calls it `__wbg_name_hash`. */
function importedFunction(name) {
  const hostName = /^__wbg_([a-zA-Z]+)_[0-9a-f]+$/.exec(name)?.[1];
  if (hostName) return `host.${hostName}`;
  // Called where a panic of wasm-bindgen's would be; the module then traps.
  if (name.includes("__wbindgen_throw")) return "() => { throw Error() }";
  throw new Error(`the module imports ${name}, which the package does not have`);
}

export const linkTypes = `export interface Exports {
  readonly memory: WebAssembly.Memory;
  allocate(length: number, align: number): number;
  acquire(client: number, request: number, origin: number, length: number, priority: number, isRetry: boolean, now: number): number;
  create(...settings: number[]): number;
  dispatch(client: number, now: number): number;
  forget(client: number): void;
  pause(client: number, paused: boolean): void;
  release(client: number, ticket: number, wasUsed: boolean, now: number): void;
}
export interface Host {
  started(request: number): void;
}
/**
 * Instantiates the module. The functions of \`host\` must not throw: an exception in the module is a trap, after which the module cannot
 * be used any more. \`onTrap\` is called after a trap.
 */
export function link(module: WebAssembly.Module, host: Host, onTrap: () => void): Exports;
`;
