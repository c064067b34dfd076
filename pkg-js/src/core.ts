/**
 * The WebAssembly core: instantiated at the first use, and again after it failed.
 *
 * Only numbers pass between JavaScript and the core, and the text of an origin. The core numbers its clients and requests, and
 * the objects behind the numbers stay here: objects in the core need a table and glue of wasm-bindgen, half of the module's imports.
 */
import { link, type Exports, type Host } from "../build/link.js";
import { compile } from "#module";
import { now, Timer } from "./clock.js";
import { isWaterspoutError, WaterspoutError } from "./errors.js";
import { Command, Failure, type Stat } from "./protocol.js";

/** A request that needs a slot. */
export interface Waiter {
  /** The slot, or the place in the queue. */
  place?: Place | undefined;
  /** The wait has ended: the request has a slot, or gets none. Must neither throw nor call the core. */
  answered(failure: Failure): void;
}

/** A request in the core: its number, and the instance that gave it. */
interface Place {
  readonly instance: Instance;
  readonly number: number;
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

/** What `Core.acquire` returns for a request that has to wait. */
export const WAITING = -1;

/** The alignment of text in the core's memory, which is also the address of an empty text. */
const BYTE_ALIGNMENT = 1;

/** An instance of the module, and the objects behind its numbers. */
class Instance {
  readonly exports: Exports;
  /** The requests that wait, by their numbers. */
  readonly waiters: Map<number, Waiter> = new Map();
  /** Forgets collected clients, by their numbers. It belongs to the instance, so that no client keeps the memory of a failed instance. */
  readonly clients: FinalizationRegistry<number> | undefined = registry((client) => this.exports.forget(client));

  constructor() {
    const { waiters } = this;
    const timers = new Map<number, Timer>();
    let lastTimer = 0;
    const host: Host = {
      now,
      setTimer: (request, milliseconds) => {
        // The core gives timers back as signed 32-bit integers.
        const number = (lastTimer = (lastTimer + 1) | 0);
        const fire = (): void => {
          timers.delete(number);
          this.exports.wake(request);
        };
        timers.set(number, new Timer(milliseconds, fire));
        return number;
      },
      clearTimer(number) {
        timers.get(number)?.cancel();
        timers.delete(number);
      },
      answered(request, failure) {
        const waiter = waiters.get(request);
        waiters.delete(request);
        waiter?.answered(failure);
      },
    };
    const onTrap = (): void => {
      if (instance === this) instance = undefined;
      for (const timer of timers.values()) timer.cancel();
      for (const waiter of waiters.values()) waiter.answered(Failure.CoreFailed);
      waiters.clear();
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

  /** Whether WebAssembly is available. */
  get isSupported(): boolean {
    try {
      this.use();
      return true;
    } catch (error) {
      if (isWaterspoutError(error, "UNSUPPORTED")) return false;
      throw error;
    }
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
      present.clients?.register(this, client);
    }
    return present;
  }

  /**
   * Asks for a slot. Returns `Failure.None` if the request has a slot now, `WAITING` if `waiter` is called once the wait has ended,
   * or the failure.
   */
  acquire(waiter: Waiter, origin: string, priority: number, isRetry: boolean): Failure | typeof WAITING {
    const present = this.use();
    const { exports, waiters } = present;
    // An origin is ASCII, so each character is a byte.
    const { length } = origin;
    let address = BYTE_ALIGNMENT;
    if (length > 0) {
      address = exports.allocate(length, BYTE_ALIGNMENT);
      new TextEncoder().encodeInto(origin, new Uint8Array(exports.memory.buffer, address, length));
    }
    const answer = exports.acquire(this.#client, address, length, priority, isRetry);
    // A trap in the calls above.
    if (present !== instance) return Failure.CoreFailed;
    if (answer < 0) return -answer;
    const number = answer >> 1;
    waiter.place = { instance: present, number };
    if (answer & 1) return Failure.None;
    waiters.set(number, waiter);
    return WAITING;
  }

  /** Gives the slot of a request back, or takes the request out of the queue. It is not called any more. */
  release(waiter: Waiter): void {
    const { place } = waiter;
    waiter.place = undefined;
    // After a failed core the number may belong to a request of the next instance.
    if (!place || place.instance !== instance) return;
    place.instance.waiters.delete(place.number);
    place.instance.exports.release(place.number);
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

/** Returns a registry that calls `act` for collected objects. Workerd has none at older compatibility dates. */
function registry<Held>(act: (held: Held) => void): FinalizationRegistry<Held> | undefined {
  return globalThis.FinalizationRegistry && new FinalizationRegistry(act);
}

let collected: FinalizationRegistry<() => void> | undefined;

/** Calls `act` some time after `object` was collected. `act` must not refer to `object`, which would then never be collected. */
export function onCollected(object: object, act: () => void): void {
  // Made at the first use: the package does no work when it is imported.
  (collected ??= registry((act) => act()))?.register(object, act);
}
