/** The module from wherever `init` was told. */
import { WaterspoutError } from "../errors.js";

/** What a module can be made of. */
export type ModuleSource = WebAssembly.Module | BufferSource | URL | string | Response;

let module: WebAssembly.Module | undefined;
let loading: Promise<void> | undefined;

/**
 * Loads the core: a compiled module, its bytes, a Response with them, or where they are; by default `waterspout.wasm` beside this
 * file. It must have been waited for before the first request. Called again it does nothing, and while it loads it waits
 * for that; one that failed may be called again.
 */
export function init(source: ModuleSource | Promise<ModuleSource> = new URL("./waterspout.wasm", import.meta.url)): Promise<void> {
  return (loading ??= load(source).catch((error: unknown) => {
    loading = undefined;
    throw error;
  }));
}

async function load(given: ModuleSource | Promise<ModuleSource>): Promise<void> {
  let source = await given;
  if (typeof source === "string" || source instanceof URL) source = await at(source);
  if (source instanceof Response) {
    if (!source.ok) throw new WaterspoutError("STATUS", `the module's URL answered ${source.status}`, { response: source });
    // Not streaming: that needs a content type which many servers do not send.
    source = await source.arrayBuffer();
  }
  module = source instanceof WebAssembly.Module ? source : await WebAssembly.compile(source);
}

/** Node's fetch knows no files; it is asked for them in a way that no bundler follows. */
async function at(url: string | URL): Promise<Response | BufferSource> {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): { readFile(file: URL): Promise<BufferSource> } } };
  const files = String(url).startsWith("file:") && process?.getBuiltinModule?.("node:fs/promises");
  return files ? files.readFile(new URL(url)) : fetch(url);
}

export function compile(): WebAssembly.Module {
  if (!module) throw new WaterspoutError("UNSUPPORTED", "the core is not loaded: wait for init() before the first request");
  return module;
}
