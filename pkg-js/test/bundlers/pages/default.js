// A page with the default entry.
import * as waterspout from "waterspout";
import { outcome } from "./program.mjs";

const { lab, key } = Object.fromEntries(new URLSearchParams(location.search));
globalThis.outcome = outcome(waterspout, lab, key);
