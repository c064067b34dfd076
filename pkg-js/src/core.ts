/** The WebAssembly core: instantiated at first use. It is given numbers; what they stand for is kept here. */
import { link, type Exports } from "../build/link.js";
import { compile } from "#module";
import { WaterspoutError } from "./errors.js";

/** What the core decides about. Its functions do not throw. */
export interface Task {
  /** Starts an attempt. */
  start(): void;
  /** An attempt is over; the milliseconds until the next, or less than 0. */
  again(failure: number): number;
  /** It is over. */
  done(failure: number): void;
}

const tasks: (Task | undefined)[] = [];
const free: number[] = [];
const freeClients: number[] = [];
let clients = 0;
const timers = new Map<number, ReturnType<typeof setTimeout>>();
let lastTimer = 0;
let core: Exports | undefined;

const host = {
  now: (): number => performance.now(),
  set(task: number, milliseconds: number): number {
    const timer = (lastTimer = (lastTimer + 1) | 0);
    const fire = (): void => {
      timers.delete(timer);
      core?.wake(task);
    };
    timers.set(timer, setTimeout(fire, milliseconds));
    return timer;
  },
  unset(timer: number): void {
    clearTimeout(timers.get(timer));
    timers.delete(timer);
  },
  start: (task: number): void => tasks[task]?.start(),
  again: (task: number, failure: number): number => tasks[task]?.again(failure) ?? -1,
  done(task: number, failure: number): void {
    const over = tasks[task];
    tasks[task] = undefined;
    free.push(task);
    over?.done(failure);
  },
};

/** One client's part of the core. */
export class Core {
  readonly #core: Exports;
  readonly #client: number;

  /** The core is synchronous, so that nobody has to call an init first. The settings are those of `create`, checked. */
  constructor(settings: number[]) {
    try {
      this.#core = core ??= link(compile(), host);
    } catch (cause) {
      if (cause instanceof WaterspoutError) throw cause;
      throw new WaterspoutError(
        "UNSUPPORTED",
        "WebAssembly could not be compiled here; a page with a Content-Security-Policy needs 'wasm-unsafe-eval' in its script-src",
        { cause },
      );
    }
    this.#client = freeClients.pop() ?? clients++;
    this.#core.create(this.#client, ...settings);
    whenGone(this, forgetting(this.#client));
  }

  /** Runs a task; the result cancels it. */
  run(task: Task, origin: string, priority: number, queue: number, head: number, total: number): number {
    const id = free.pop() ?? tasks.length;
    tasks[id] = task;
    const { length } = origin;
    const at = length > 0 ? this.#core.allocate(length, 1) : 1;
    // An origin is ASCII.
    if (length > 0) new TextEncoder().encodeInto(origin, new Uint8Array(this.#core.memory.buffer, at, length));
    this.#core.request(this.#client, id, at, length, priority, queue, head, total);
    return id;
  }

  settle(id: number, withResponse: boolean): void {
    this.#core.settle(id, withResponse ? 1 : 0);
  }

  cancel(id: number): void {
    tasks[id] = undefined;
    if (this.#core.cancel(id)) free.push(id);
  }

  /** 0 pauses, 1 resumes, 2 clears, 3 closes, 4 closes at once. */
  command(what: number): void {
    this.#core.command(this.#client, what);
  }

  stat(which: number): number {
    return this.#core.stat(this.#client, which);
  }
}

let gone: FinalizationRegistry<() => void> | undefined;

/** Calls `act` some time after nobody has `object` any more; `act` must not have it. */
export function whenGone(object: object, act: () => void): void {
  (gone ??= new FinalizationRegistry((act) => act())).register(object, act);
}

const forgetting = (client: number) => (): void => {
  core?.forget(client);
  freeClients.push(client);
};
