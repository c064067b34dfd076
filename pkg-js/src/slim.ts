/** The package without its module. `init` loads the module. */
export * from "./index.js";
export { init } from "./module/slim.js";
export type { ModuleSource } from "./module/slim.js";
