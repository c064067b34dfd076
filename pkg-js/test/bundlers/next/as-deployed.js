// Platforms for edge functions do not compile bytes. Next's own edge runtime does, so this forbids it.
WebAssembly.Module = function () {
  throw new WebAssembly.CompileError("only what was built may run");
};
