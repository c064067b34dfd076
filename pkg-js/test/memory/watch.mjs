/** Counts the resources of a client: the core's memory, timers, and listeners on a signal. Import this module before the package. */

let memory;
const { Instance } = WebAssembly;
WebAssembly.Instance = function (...call) {
  const instance = new Instance(...call);
  memory ??= Object.values(instance.exports).find((exported) => exported instanceof WebAssembly.Memory);
  return instance;
};

/** Only timers of more than this many milliseconds are counted: platforms have shorter timers for idle connections. */
const LONG = 10_000;

const timers = new Set();
const { setTimeout, clearTimeout } = globalThis;
globalThis.setTimeout = (act, delay, ...rest) => {
  const fire = () => {
    timers.delete(timer);
    act(...rest);
  };
  const timer = setTimeout(fire, delay);
  if (delay > LONG) timers.add(timer);
  return timer;
};
globalThis.clearTimeout = (timer) => {
  timers.delete(timer);
  clearTimeout(timer);
};

/** Returns the size of the core's memory in bytes. It never shrinks. */
export const memoryBytes = () => memory.buffer.byteLength;

/** Returns the number of long timers that have neither fired nor been cancelled. */
export const timersAlive = () => timers.size;

/** Returns a signal and the number of its listeners. */
export function countedSignal() {
  const { signal } = new AbortController();
  let listeners = 0;
  const counting = (name, by) => {
    const method = signal[name].bind(signal);
    signal[name] = (...call) => {
      listeners += by;
      method(...call);
    };
  };
  counting("addEventListener", 1);
  counting("removeEventListener", -1);
  return { signal, listeners: () => listeners };
}

/** Collects garbage, in several rounds: finalizers may free further objects. */
export async function collect(rounds = 5) {
  for (let round = 0; round < rounds; round++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
