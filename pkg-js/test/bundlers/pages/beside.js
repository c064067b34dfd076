// A page that loads the module without a URL. The bundler puts the module beside the package's file.
import * as waterspout from "waterspout/slim";
import { outcome } from "./program.mjs";

const { lab, key } = Object.fromEntries(new URLSearchParams(location.search));
globalThis.outcome = waterspout.init().then(() => outcome(waterspout, lab, key));
