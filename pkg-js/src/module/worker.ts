/** The module as the platform has compiled it: where bytes may not be compiled. */
// @ts-ignore: a platform's own import of a module that is compiled.
import module from "./waterspout.wasm";

export function compile(): WebAssembly.Module {
  return module as WebAssembly.Module;
}
