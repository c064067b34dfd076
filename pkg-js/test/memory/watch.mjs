/** What a client takes of its platform, counted: the core's memory, timers, and listeners on a signal. To be imported before the package. */

let memory;
const { Instance } = WebAssembly;
WebAssembly.Instance = function (...call) {
  const instance = new Instance(...call);
  memory ??= Object.values(instance.exports).find((exported) => exported instanceof WebAssembly.Memory);
  return instance;
};

/** Those of more than this many milliseconds; platforms have shorter ones of their own, for connections that are idle. */
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

/** The bytes of the core's memory, which only ever grows. */
export const memoryBytes = () => memory.buffer.byteLength;

/** How many long timers have neither gone off nor been taken back. */
export const timersAlive = () => timers.size;

/** A signal that says how many listen to it. */
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

/** Lets go of all that nobody holds, and of what that held. */
export async function collect(rounds = 5) {
  for (let round = 0; round < rounds; round++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
