export { default } from "url:waterspout/waterspout.wasm";
