export { default } from "waterspout/waterspout.wasm";
