/** Replacements of the platform's functions for scenarios: transports, globals, and watchers of errors. */
import { assert } from "./support.mjs";

// Scenarios replace the global timers, so these are the originals.
const { setTimeout, clearTimeout } = globalThis;

/** The real time. */
export const realNow = performance.now.bind(performance);

/** Waits for a turn of the event loop with the platform's own timer. */
export const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

/** Rejects if `promise` does not settle within `milliseconds` of the platform's own timer. */
export async function within(promise, what, milliseconds = 3_000) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`assertion failed: ${what} did not settle`)), milliseconds)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Returns the promise. If a failed assertion leaves it without a handler, its rejection is ignored. */
export function quiet(promise) {
  // Not `catch`, whose promise would read a member `then` of the response.
  promise.then(() => undefined, () => undefined);
  return promise;
}

/** Returns the URL of a transport's call: the package passes either a URL or a Request. */
export const urlOf = (input) => input?.url ?? String(input);

/** Returns the signal of a transport's call. */
export const signalOf = (input, init) => init?.signal ?? input?.signal;

/** A transport that answers nothing and rejects when the request is aborted. */
export const silent = (input, init) => {
  const signal = signalOf(input, init);
  return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
};

/** A transport whose body has the piece "first", and then nothing until the request is aborted. */
export const stalled = async (input, init) => {
  const signal = signalOf(input, init);
  const start = (body) => {
    body.enqueue(new TextEncoder().encode("first"));
    signal?.addEventListener("abort", () => body.error(signal.reason));
  };
  return new Response(new ReadableStream({ start }));
};

/** A transport that answers each request when `release` is called for it, in the order of the requests. */
export function holding() {
  const held = [];
  const fetch = (input, init) => {
    const signal = signalOf(input, init);
    return new Promise((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason));
      held.push({ url: urlOf(input), input, init, release: (response = new Response("hello")) => resolve(response) });
    });
  };
  return { fetch, held, release: (response) => held.shift().release(response) };
}

/** Calls `work` while members of `object` are replaced, or deleted if their value is undefined. Then restores the members. */
export async function whileReplaced(object, members, work) {
  const originals = Object.keys(members).map((name) => [name, Object.getOwnPropertyDescriptor(object, name)]);
  for (const [name, value] of Object.entries(members)) {
    if (value === undefined) delete object[name];
    else Object.defineProperty(object, name, { value, configurable: true, writable: true });
  }
  try {
    return await work();
  } finally {
    for (const [name, original] of originals) {
      if (original) Object.defineProperty(object, name, original);
      else delete object[name];
    }
  }
}

/** Timers that fire only when `tick` is called. They are objects as in Node, whose own fetch uses them too. */
class FakeTimers {
  time = 0;
  #waiting = new Map();
  setTimeout = (act, delay = 0, ...args) => {
    const timer = { ref: () => timer, unref: () => timer };
    this.#waiting.set(timer, { due: this.time + Math.max(1, delay), act: () => act(...args) });
    return timer;
  };
  clearTimeout = (timer) => void this.#waiting.delete(timer);
  /** Fires the timers of the next `milliseconds` in their order. */
  tick(milliseconds) {
    const end = this.time + milliseconds;
    for (;;) {
      const [next] = [...this.#waiting].filter(([, { due }]) => due <= end).sort(([, a], [, b]) => a.due - b.due);
      if (!next) break;
      const [timer, { due, act }] = next;
      this.#waiting.delete(timer);
      this.time = due;
      act();
    }
    this.time = end;
  }
}

/**
 * Calls `work` with faked timers and a clock, and puts the real functions back. `clock` gets the real time at the start, and the faked
 * time since then.
 */
export function withFakes(clock, work) {
  const timers = new FakeTimers();
  const start = realNow();
  const now = () => clock(start, timers.time);
  const { setTimeout, clearTimeout } = timers;
  return whileReplaced(performance, { now }, () => whileReplaced(globalThis, { setTimeout, clearTimeout }, () => work(timers)));
}

/** Whether this is workerd, which reports a rejection before the end of its turn, and takes it back when it is handled. */
const isWorkerd = globalThis.navigator?.userAgent === "Cloudflare-Workers";

/** Collects unhandled rejections and uncaught exceptions, each with the value of `current` at its time. */
export function watchErrors() {
  const found = new Map();
  const watch = { current: "" };
  const note = (event) => {
    event?.preventDefault?.();
    found.set(event?.promise ?? {}, `${watch.current}: ${describe(event?.reason ?? event?.error ?? event)}`);
  };
  const takeBack = (event) => void found.delete(event.promise);
  const [events, signals] = [["unhandledrejection", "error"], ["unhandledRejection", "uncaughtException"]];
  for (const name of events) globalThis.addEventListener?.(name, note);
  for (const name of signals) globalThis.process?.on?.(name, note);
  if (isWorkerd) globalThis.addEventListener("rejectionhandled", takeBack);
  watch.stop = async () => {
    for (let turns = 0; turns < 3; turns++) await turn();
    for (const name of events) globalThis.removeEventListener?.(name, note);
    for (const name of signals) globalThis.process?.off?.(name, note);
    globalThis.removeEventListener?.("rejectionhandled", takeBack);
    return [...found.values()];
  };
  return watch;
}

/** Returns a text about a value, even if the value throws when it is converted. */
export function describe(value) {
  try {
    return String(value);
  } catch {
    return `a hostile ${typeof value}`;
  }
}

/** The time in milliseconds after which a failing table is left: the list gives up a scenario after 20 s. */
const ENOUGH = 12_000;

/** Runs the same check for each entry of a table, and then rejects with the names and errors of all entries that failed. */
export async function each(table, check) {
  const failures = [];
  const start = Date.now();
  for (const [name, entry] of Object.entries(table)) {
    if (failures.length > 0 && Date.now() - start > ENOUGH) break;
    await within(check(entry, name), "the check", 5_000).catch((error) => failures.push(`${name}: ${describe(error?.message ?? error)}`));
  }
  if (failures.length > 0) throw new Error(failures.join("\n"));
}

/** Rejects unless `check` holds soon: waits for turns of the event loop meanwhile. */
export async function until(check, what) {
  for (let turns = 0; !check(); turns++) {
    assert(turns < 1_000, `${what} did not happen`);
    await turn();
  }
}
