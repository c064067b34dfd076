/** The tests of the README, which show Vitest and MSW: Vitest runs them. */
import path from "node:path";
import { runVitest } from "./vitest.mjs";

export const readme = () => runVitest("readme", path.join(import.meta.dirname, "..", "readme"));
