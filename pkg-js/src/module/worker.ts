/** The module as compiled by the platform, for platforms that do not compile bytes. */
// @ts-ignore: only these platforms resolve the import of a compiled module.
import module from "./waterspout.wasm";

export function compile(): WebAssembly.Module {
  return module as WebAssembly.Module;
}
