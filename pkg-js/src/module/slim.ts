/** The module from the source that `init` was called with. */
import { WaterspoutError } from "../errors.js";

/** The sources of a module: a compiled module, its bytes, its URL, or a Response with its bytes. */
export type ModuleSource = WebAssembly.Module | BufferSource | URL | string | Response;

let module: WebAssembly.Module | undefined;
let loading: Promise<void> | undefined;

/**
 * Loads the core. Await it before the first request.
 *
 * `source` is a compiled module, its bytes, a Response with the bytes, or their URL; the default is `waterspout.wasm` beside this
 * file. Further calls do nothing but wait for the first. After a failure, `init` may be called again.
 */
export function init(source: ModuleSource | Promise<ModuleSource> = new URL("./waterspout.wasm", import.meta.url)): Promise<void> {
  return (loading ??= load(source).catch((error: unknown) => {
    loading = undefined;
    throw error;
  }));
}

async function load(given: ModuleSource | Promise<ModuleSource>): Promise<void> {
  let source = await given;
  if (typeof source === "string" || source instanceof URL) source = await fetchModule(source);
  if (source instanceof Response) {
    if (!source.ok) throw new WaterspoutError("STATUS", `the module's URL answered with status ${source.status}`, { response: source });
    // `compileStreaming` needs a content type that many servers do not send.
    source = await source.arrayBuffer();
  }
  module = source instanceof WebAssembly.Module ? source : await WebAssembly.compile(source);
}

/** Fetches a URL or reads a file. */
async function fetchModule(url: string | URL): Promise<Response | BufferSource> {
  // Node's fetch reads no files. A bundler follows an import of "node:fs/promises", but not this call.
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): { readFile(file: URL): Promise<BufferSource> } } };
  const files = String(url).startsWith("file:") && process?.getBuiltinModule?.("node:fs/promises");
  return files ? files.readFile(new URL(url)) : fetch(url);
}

export function compile(): WebAssembly.Module {
  if (!module) throw new WaterspoutError("UNSUPPORTED", "the core is not loaded: await init() before the first request");
  return module;
}
