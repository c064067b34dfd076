/** The module as bytes in this file: no second file, no set-up. */
import { bytes } from "../../build/bytes.js";

export function compile(): WebAssembly.Module {
  return new WebAssembly.Module(bytes());
}
