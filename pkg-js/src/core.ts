/**
 * The WebAssembly core: instantiated at the first use, and again after it failed.
 *
 * Only numbers pass between JavaScript and the core, and the text of an origin. The core numbers its clients and tasks, and
 * the objects behind the numbers stay here: objects in the core need a table and glue of wasm-bindgen, half of the module's imports.
 */
import { link, type Exports, type Host } from "../build/link.js";
import { compile } from "#module";
import { WaterspoutError } from "./errors.js";
import { Command, Failure, NO_RETRY, type Stat } from "./protocol.js";
import { setTimer } from "./timer.js";

/** A request as the core sees it. The methods do not throw: an exception inside of the core makes it unusable. */
export interface Task {
  /** The task's number. `Core.run` sets it. */
  taskId: number;
  /** The task waits for a slot. */
  queued(): void;
  /** Starts an attempt. */
  start(): void;
  /** An attempt has ended. Returns the milliseconds until the next attempt, or `NO_RETRY`. */
  nextRetryDelay(failure: Failure): number;
  /** The task has ended. */
  settle(failure: Failure): void;
}

/** The settings of a client, in the order of the core's function `create`. */
export type ClientSettings = [
  maxActive: number,
  maxActivePerOrigin: number,
  maxQueued: number,
  requests: number,
  per: number,
  burst: number,
  originRequests: number,
  originPer: number,
  originBurst: number,
];

/** The alignment of text in the core's memory. */
const BYTE_ALIGNMENT = 1;

/** An instance of the module, and the objects behind its numbers. */
class Instance {
  readonly exports: Exports;
  /** Forgets collected clients, by their numbers. It belongs to the instance, so that no client keeps the memory of a failed instance. */
  readonly clients: FinalizationRegistry<number> = new FinalizationRegistry((client) => this.exports.forget(client));
  readonly tasks: Map<number, Task> = new Map();

  constructor() {
    const { tasks } = this;
    /** Functions that cancel the timers. */
    const timers = new Map<number, () => void>();
    let lastTimer = 0;
    const host: Host = {
      now: () => performance.now(),
      setTimer: (task, milliseconds) => {
        // The core gives timers back as signed 32-bit integers.
        const timer = (lastTimer = (lastTimer + 1) | 0);
        const fire = (): void => {
          timers.delete(timer);
          this.exports.wake(task);
        };
        timers.set(timer, setTimer(milliseconds, fire, true));
        return timer;
      },
      clearTimer(timer) {
        timers.get(timer)?.();
        timers.delete(timer);
      },
      queued: (task) => tasks.get(task)?.queued(),
      start: (task) => tasks.get(task)?.start(),
      nextRetryDelay: (task, failure) => tasks.get(task)?.nextRetryDelay(failure) ?? NO_RETRY,
      settle(id, failure) {
        const task = tasks.get(id);
        // The core may give the number to another task from here on.
        tasks.delete(id);
        task?.settle(failure);
      },
    };
    const onTrap = (): void => {
      if (instance === this) instance = undefined;
      for (const cancelTimer of timers.values()) cancelTimer();
      for (const task of tasks.values()) task.settle(Failure.CoreFailed);
      tasks.clear();
    };
    this.exports = link(compile(), host, onTrap);
  }
}

/** The present instance: made at the first use, and again after it failed. */
let instance: Instance | undefined;

/** The part of the core that belongs to a client. */
export class Core {
  readonly #settings: ClientSettings;
  /** The instance that knows this client, and the client's number there. */
  #instance: Instance | undefined;
  #client = 0;
  #isPaused = false;
  #isClosed = false;

  /** Takes settings that were checked. */
  constructor(settings: ClientSettings) {
    this.#settings = settings;
  }

  /**
   * Returns the present instance and makes this client known to it.
   *
   * All of this is synchronous, so the package needs no init call.
   */
  use(): Instance {
    const present = (instance ??= instantiate());
    if (this.#instance !== present) {
      const { exports } = present;
      const client = exports.create(...this.#settings);
      this.#instance = present;
      this.#client = client;
      if (this.#isPaused) exports.command(client, Command.Pause);
      if (this.#isClosed) exports.command(client, Command.Close);
      present.clients.register(this, client);
    }
    return present;
  }

  /** Runs a task. Sets the task's number before the core calls the task. Times are in milliseconds. */
  run(task: Task, origin: string, priority: number, queue: number, head: number, request: number, total: number): void {
    const present = this.use();
    const { exports, tasks } = present;
    // An origin is ASCII, so each character is a byte.
    const { length } = origin;
    const address = exports.allocate(length, BYTE_ALIGNMENT);
    if (length > 0) new TextEncoder().encodeInto(origin, new Uint8Array(exports.memory.buffer, address, length));
    const taskId = exports.request(this.#client, address, length, priority, queue, head, request, total);
    // After a trap in the calls above, the task is in no table yet.
    if (present !== instance) return task.settle(Failure.CoreFailed);
    task.taskId = taskId;
    tasks.set(taskId, task);
    exports.run(taskId);
  }

  /** Tells the core that the task's attempt has ended. */
  endAttempt({ taskId }: Task, hasResponse: boolean): void {
    this.#present?.exports.endAttempt(taskId, hasResponse);
  }

  /** Takes the task out of the queue or out of its slot. The task is not called any more. */
  cancel(task: Task): void {
    const { taskId } = task;
    const present = this.#present;
    // After a failed core the number may belong to a task of the next instance.
    if (present?.tasks.get(taskId) !== task) return;
    present.tasks.delete(taskId);
    present.exports.cancel(taskId);
  }

  command(command: Command): void {
    // An instance that is made later gets these two states from here.
    if (command <= Command.Resume) this.#isPaused = command === Command.Pause;
    if (command >= Command.Close) this.#isClosed = true;
    this.#present?.exports.command(this.#client, command);
  }

  stat(stat: Stat): number {
    return this.#present?.exports.stat(this.#client, stat) ?? 0;
  }

  /** The present instance if it knows this client. An instance that does not is told of the client at its next request. */
  get #present(): Instance | undefined {
    return this.#instance === instance ? instance : undefined;
  }
}

function instantiate(): Instance {
  try {
    return new Instance();
  } catch (cause) {
    if (cause instanceof WaterspoutError) throw cause;
    throw new WaterspoutError(
      "UNSUPPORTED",
      "WebAssembly could not be compiled: a Content-Security-Policy needs 'wasm-unsafe-eval' in its script-src, and this script must be read as UTF-8",
      { cause },
    );
  }
}

let collected: FinalizationRegistry<() => void> | undefined;

/** Calls `act` some time after `object` was collected. `act` must not refer to `object`, which would then never be collected. */
export function onCollected(object: object, act: () => void): void {
  // Made at the first use: the package does no work when it is imported.
  (collected ??= new FinalizationRegistry((act) => act())).register(object, act);
}
