/**
 * The glue between the module and the package. Numbers alone pass between them, so that what wasm-bindgen would write is not
 * needed: the names are given to each other, short as wasm-opt has made them, and that is all.
 */

/** What the package uses of the module, and what the package calls it. */
const names = {
  memory: "memory",
  __wbindgen_malloc: "allocate",
  cancel: "cancel",
  command: "command",
  create: "create",
  forget: "forget",
  request: "request",
  settle: "settle",
  stat: "stat",
  wake: "wake",
};

export const exported = Object.keys(names);

/** The glue as a module; `renames` is what `wasm-opt --minify-imports-and-exports-and-modules` prints. */
export function linkModule({ imports, exports }) {
  const given = imports.map(([, name, short]) => {
    const plain = /^__wbg_([a-z]+)_[0-9a-f]+$/.exec(name)?.[1];
    if (!plain && !name.includes("__wbindgen_throw")) throw new Error(`the module imports ${name}, which nobody gives it`);
    return `${short}: ${plain ? `host.${plain}` : "() => { throw Error() }"}`;
  });
  const taken = exports.map(([name, short]) => {
    if (!names[name]) throw new Error(`the module exports ${name}, which nobody uses`);
    return `${names[name]}: ${name === "memory" ? `exports.${short}` : `guarded(exports.${short})`}`;
  });
  if (taken.length !== exported.length) throw new Error(`the module exports ${exports.join(" ")} only`);
  return `export function link(module, host, onTrap) {
  const guarded = (call) => (...args) => {
    try {
      return call(...args);
    } catch {
      onTrap();
    }
  };
  const { exports } = new WebAssembly.Instance(module, { a: { ${given.join(", ")} } });
  return { ${taken.join(", ")} };
}
`;
}

export const linkTypes = `export interface Exports {
  readonly memory: WebAssembly.Memory;
  allocate(length: number, align: number): number;
  cancel(task: number): number;
  command(client: number, what: number): void;
  create(client: number, ...settings: number[]): void;
  forget(client: number): void;
  request(client: number, task: number, origin: number, length: number, priority: number, queue: number, head: number, total: number): void;
  settle(task: number, withResponse: number): void;
  stat(client: number, which: number): number;
  wake(task: number): void;
}
export interface Host {
  now(): number;
  set(task: number, milliseconds: number): number;
  unset(timer: number): void;
  queued(task: number): void;
  start(task: number): void;
  again(task: number, failure: number): number;
  done(task: number, failure: number): void;
}
/** Nothing that the module calls may throw: what is thrown in it is a trap, after which it can no longer be used. */
export function link(module: WebAssembly.Module, host: Host, onTrap: () => void): Exports;
`;
