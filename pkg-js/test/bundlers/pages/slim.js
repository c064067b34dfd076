// A page that loads the module from the URL that its bundler gives it.
import * as waterspout from "waterspout/slim";
import url from "./module-url.js";
import { outcome } from "./program.mjs";

const { lab, key } = Object.fromEntries(new URLSearchParams(location.search));
globalThis.outcome = waterspout.init(url).then(() => outcome(waterspout, lab, key));
