/** The WebAssembly core: instantiated at first use. It is given numbers; what they stand for is kept here. */
import { link, type Exports, type Host } from "../build/link.js";
import { compile } from "#module";
import { after } from "./after.js";
import { WaterspoutError } from "./errors.js";

/** What the core decides about. Its functions do not throw. */
export interface Task {
  /** Its number, which the core gives it. */
  id: number;
  /** It waits for a slot. */
  queued(): void;
  /** Starts an attempt. */
  start(): void;
  /** An attempt is over; the milliseconds until the next, or less than 0. */
  again(failure: number): number;
  /** It is over. */
  done(failure: number): void;
}

/** The failure of the tasks of an instance that broke. */
const BROKEN = 8;

/** An instance of the module, and what the numbers stand for that it is given. */
class Instance {
  readonly exports: Exports;
  readonly tasks: (Task | undefined)[] = [];
  readonly free: number[] = [];
  readonly #timers = new Map<number, () => void>();
  #lastTimer = 0;

  constructor() {
    const { tasks, free } = this;
    const timers = this.#timers;
    const host: Host = {
      now: () => performance.now(),
      set: (task, milliseconds) => {
        const timer = (this.#lastTimer = (this.#lastTimer + 1) | 0);
        const fire = (): void => {
          timers.delete(timer);
          this.exports.wake(task);
        };
        timers.set(timer, after(milliseconds, fire, true));
        return timer;
      },
      unset(timer) {
        timers.get(timer)?.();
        timers.delete(timer);
      },
      queued: (task) => tasks[task]?.queued(),
      start: (task) => tasks[task]?.start(),
      again: (task, failure) => tasks[task]?.again(failure) ?? -1,
      done(task, failure) {
        const over = tasks[task];
        tasks[task] = undefined;
        free.push(task);
        over?.done(failure);
      },
    };
    this.exports = link(compile(), host, () => {
      if (core === this) core = undefined;
      for (const stop of timers.values()) stop();
      for (const task of tasks.splice(0)) task?.done(BROKEN);
    });
  }
}

/** The present one; made at first use, and anew after it broke. */
let core: Instance | undefined;
const freeClients: number[] = [];
let clients = 0;

/** One client's part of the core. */
export class Core {
  readonly #settings: number[];
  readonly #client = freeClients.pop() ?? clients++;
  /** The instance that knows this client. */
  #instance: Instance | undefined;
  #isPaused = false;
  #isClosed = false;

  /** The settings are those of `create`, checked. */
  constructor(settings: number[]) {
    this.#settings = settings;
    whenGone(this, forgetting(this.#client));
  }

  /** The present instance, which is told of this client first if it is a new one. All of it is synchronous: nobody has to call an init. */
  use(): Instance {
    const instance = (core ??= instantiate());
    if (this.#instance !== instance) {
      this.#instance = instance;
      instance.exports.create(this.#client, ...this.#settings);
      if (this.#isPaused) instance.exports.command(this.#client, 0);
      if (this.#isClosed) instance.exports.command(this.#client, 3);
    }
    return instance;
  }

  /** Runs a task, which has its number before anybody is called. */
  run(task: Task, origin: string, priority: number, queue: number, head: number, total: number): void {
    const { exports, tasks, free } = this.use();
    const id = (task.id = free.pop() ?? tasks.length);
    tasks[id] = task;
    const { length } = origin;
    const at = length > 0 ? exports.allocate(length, 1) : 1;
    // An origin is ASCII.
    if (length > 0) new TextEncoder().encodeInto(origin, new Uint8Array(exports.memory.buffer, at, length));
    exports.request(this.#client, id, at, length, priority, queue, head, total);
  }

  settle({ id }: Task, withResponse: boolean): void {
    this.#present?.exports.settle(id, withResponse ? 1 : 0);
  }

  cancel(task: Task): void {
    const { id } = task;
    const present = this.#present;
    // The number may be another's, if the instance that gave it broke.
    if (present?.tasks[id] !== task) return;
    present.tasks[id] = undefined;
    if (present.exports.cancel(id)) present.free.push(id);
  }

  /** 0 pauses, 1 resumes, 2 clears, 3 closes, 4 closes at once. */
  command(what: number): void {
    if (what < 2) this.#isPaused = what === 0;
    if (what > 2) this.#isClosed = true;
    this.#present?.exports.command(this.#client, what);
  }

  stat(which: number): number {
    return this.#present?.exports.stat(this.#client, which) ?? 0;
  }

  /** The present instance, if it knows this client: one that does not has nothing of it, and is told the rest with the next request. */
  get #present(): Instance | undefined {
    return this.#instance === core ? core : undefined;
  }
}

function instantiate(): Instance {
  try {
    return new Instance();
  } catch (cause) {
    if (cause instanceof WaterspoutError) throw cause;
    throw new WaterspoutError(
      "UNSUPPORTED",
      "WebAssembly could not be compiled here; a page with a Content-Security-Policy needs 'wasm-unsafe-eval' in its script-src, and this script must be read as UTF-8",
      { cause },
    );
  }
}

let gone: FinalizationRegistry<() => void> | undefined;

/** Calls `act` some time after nobody has `object` any more; `act` must not have it. */
export function whenGone(object: object, act: () => void): void {
  (gone ??= new FinalizationRegistry((act) => act())).register(object, act);
}

const forgetting = (client: number) => (): void => {
  core?.exports.forget(client);
  freeClients.push(client);
};
