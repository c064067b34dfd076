export default new URL("waterspout/waterspout.wasm", import.meta.url);
