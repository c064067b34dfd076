/** The WebAssembly core: compiled at first use, from bytes that are part of this file. */
import { Core, initSync } from "../build/waterspout.js";
import { bytes } from "../build/bytes.js";
import { WaterspoutError } from "./errors.js";

export type { Core };

let ready = false;

/** A core of its own for a client; synchronous, so that nobody has to call an init first. */
export function createCore(maxActive: number): Core {
  if (!ready) {
    try {
      initSync({ module: new WebAssembly.Module(bytes()) });
    } catch (cause) {
      throw new WaterspoutError(
        "UNSUPPORTED",
        "WebAssembly could not be compiled here; a page with a Content-Security-Policy needs 'wasm-unsafe-eval' in its script-src",
        { cause },
      );
    }
    ready = true;
  }
  return new Core(maxActive);
}
