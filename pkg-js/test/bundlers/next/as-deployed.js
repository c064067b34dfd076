// Where edge functions are deployed no bytes are compiled; Next's own edge runtime would do so.
WebAssembly.Module = function () {
  throw new WebAssembly.CompileError("only what was built may run");
};
