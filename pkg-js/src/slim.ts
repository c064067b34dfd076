/** The package without its module, which `init` loads. */
export * from "./index.js";
export { init } from "./module/slim.js";
export type { ModuleSource } from "./module/slim.js";
