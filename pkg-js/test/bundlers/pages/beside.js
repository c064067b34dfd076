// A page that leaves it to the bundler to find the module, beside the package's own file.
import * as waterspout from "waterspout/slim";
import { outcome } from "./program.mjs";

const { lab, key } = Object.fromEntries(new URLSearchParams(location.search));
globalThis.outcome = waterspout.init().then(() => outcome(waterspout, lab, key));
