/**
 * The WebAssembly core: instantiated at the first use, and again after it failed.
 *
 * Only numbers pass between JavaScript and the core, and the text of an origin. The core numbers its clients and their requests, and
 * the objects behind the numbers stay here: objects in the core need a table and glue of wasm-bindgen, half of the module's imports.
 */
import { link, type Exports } from "../build/link.js";
import { compile } from "#module";
import { now, Timer } from "./clock.js";
import { isWaterspoutError, WaterspoutError } from "./errors.js";
import { NO_LIMIT, NO_START, QUEUE_FULL } from "./protocol.js";
import { WaitHistogram } from "./wait-times.js";

/** The answer to a request for a slot. */
export const enum Answer {
  /** The request has a slot. */
  Slot,
  /** The request waits. `Waiter.answered` is called once the wait has ended. */
  Wait,
  QueueFull,
  Cleared,
  Closed,
  /** The core is defective. */
  CoreFailed,
}

/** A request that needs a slot. The core sets all members but the functions. */
export interface Waiter {
  /** The instance that gave the ticket. Undefined if the request has neither a slot nor a place in the queue. */
  instance: Instance | undefined;
  ticket: number;
  /** The number of the waiting request. */
  request: number;
  /** When the wait began. */
  since: number;
  hasSlot: boolean;
  /** The wait begins. Must neither throw nor call the core. */
  wait(): void;
  /** The wait has ended: the request has a slot, or gets none. Must neither throw nor call the core. */
  answered(answer: Answer): void;
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

/** The alignment of text in the core's memory, which is also the address of an empty text. */
const BYTE_ALIGNMENT = 1;

/** An instance of the module. */
export class Instance {
  readonly exports: Exports;
  /** The clients with requests that wait. */
  readonly waiting: Set<Core> = new Set();
  /** Forgets collected clients, by their numbers. It belongs to the instance, so that no client keeps the memory of a failed instance. */
  readonly clients: FinalizationRegistry<number> | undefined = registry((client) => this.exports.forget(client));

  constructor() {
    const onTrap = (): void => {
      if (instance === this) instance = undefined;
      for (const core of this.waiting) core.failed();
      this.waiting.clear();
    };
    this.exports = link(compile(), { started }, onTrap);
  }
}

/** The present instance: made at the first use, and again after it failed. */
let instance: Instance | undefined;

/** The client whose requests are being started. */
let dispatching: Core | undefined;

/** A waiting request of the dispatching client has a slot. */
function started(request: number): void {
  dispatching?.started(request);
}

/** The part of the core that belongs to a client. */
export class Core {
  readonly waits: WaitHistogram = new WaitHistogram();
  readonly #settings: ClientSettings;
  /** The instance that knows this client, and the client's number there. */
  #instance: Instance | undefined;
  #client = 0;
  #isPaused = false;
  #isClosed = false;
  /** The requests that wait, by their numbers. */
  readonly #waiters = new Map<number, Waiter>();
  #lastRequest = 0;
  /** The number of requests that hold a slot. */
  active = 0;
  /** When the next request starts that waits for a time, and the timer for it. */
  #nextStart = NO_START;
  #timer: Timer | undefined;

  /** Whether a rate is limited. If not, nothing but the order of the waiting requests depends on the time. */
  readonly #hasRate: boolean;

  /** Takes settings that were checked. */
  constructor(settings: ClientSettings) {
    const [, , , requests, , , originRequests] = settings;
    this.#settings = settings;
    this.#hasRate = requests !== NO_LIMIT || originRequests !== NO_LIMIT;
  }

  get #now(): number {
    return this.#hasRate ? now() : 0;
  }

  /** The number of requests that wait for a slot. */
  get queued(): number {
    return this.#waiters.size;
  }

  /** Whether WebAssembly is available. */
  get isSupported(): boolean {
    try {
      this.#use();
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
  #use(): Instance {
    const present = (instance ??= instantiate());
    if (this.#instance !== present) {
      const { exports } = present;
      const client = exports.create(...this.#settings);
      this.#instance = present;
      this.#client = client;
      if (this.#isPaused) exports.pause(client, true);
      present.clients?.register(this, client);
    }
    return present;
  }

  /** Asks for a slot. A retry joins the queue even if the queue is full or the client is closed. */
  acquire(waiter: Waiter, origin: string, priority: number, isRetry: boolean): Answer {
    if (this.#isClosed && !isRetry) return Answer.Closed;
    const present = this.#use();
    const { exports } = present;
    const since = now();
    // The requests that wait come first. Without a rate, time lets no request start.
    if (this.#hasRate && this.#waiters.size > 0) this.#dispatch();
    // An origin is ASCII, so each character is a byte.
    const { length } = origin;
    let address = BYTE_ALIGNMENT;
    if (length > 0) {
      address = exports.allocate(length, BYTE_ALIGNMENT);
      new TextEncoder().encodeInto(origin, new Uint8Array(exports.memory.buffer, address, length));
    }
    const request = (this.#lastRequest = (this.#lastRequest + 1) >>> 0);
    const answer = exports.acquire(this.#client, request, address, length, priority, isRetry, since);
    if (present !== instance) return Answer.CoreFailed;
    if (answer === QUEUE_FULL) return Answer.QueueFull;
    const hasSlot = (answer & 1) === 0;
    waiter.instance = present;
    waiter.ticket = answer >> 1;
    waiter.request = request;
    waiter.since = since;
    waiter.hasSlot = hasSlot;
    if (hasSlot) {
      this.active++;
      this.waits.record(0);
      return Answer.Slot;
    }
    waiter.wait();
    this.#waiters.set(request, waiter);
    present.waiting.add(this);
    if (this.#hasRate) this.#dispatch();
    return Answer.Wait;
  }

  /** Gives the slot of a request back, or takes the request out of the queue. `wasUsed` says whether the request was sent. */
  release(waiter: Waiter, wasUsed: boolean): void {
    const hasWaited = waiter.instance && !waiter.hasSlot;
    this.#remove(waiter, wasUsed);
    // After the last request that waited, this ends the timer.
    if (hasWaited || this.#waiters.size > 0) this.#dispatch();
  }

  #remove(waiter: Waiter, wasUsed: boolean): void {
    const present = waiter.instance;
    if (!present) return;
    waiter.instance = undefined;
    if (waiter.hasSlot) this.active--;
    else this.#waiters.delete(waiter.request);
    // After a failed core the ticket may belong to a request of the next instance.
    if (present !== instance) return;
    present.exports.release(this.#client, waiter.ticket, wasUsed, this.#now);
  }

  /** With `true`, starts no further requests; with `false`, starts them again. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#instance?.exports.pause(this.#client, isPaused);
    this.#dispatch();
  }

  /** Refuses new requests. */
  close(): void {
    this.#isClosed = true;
  }

  /** Ends the wait of all requests that wait. Returns their number. */
  clear(answer: Answer = Answer.Cleared): number {
    const waiters = [...this.#waiters.values()];
    // No request may start in between.
    for (const waiter of waiters) {
      this.#remove(waiter, false);
      waiter.answered(answer);
    }
    this.#dispatch();
    return waiters.length;
  }

  /** Called by `started` for a waiting request. */
  started(request: number): void {
    const waiter = this.#waiters.get(request);
    this.#waiters.delete(request);
    if (!waiter?.instance) return;
    this.active++;
    waiter.hasSlot = true;
    this.waits.record(now() - waiter.since);
    waiter.answered(Answer.Slot);
  }

  /** Starts the waiting requests that may start now, and sets a timer if the next request waits for a time. */
  #dispatch(): void {
    const present = this.#instance;
    if (!present || present !== instance) return;
    const outer = dispatching;
    dispatching = this;
    const next = present.exports.dispatch(this.#client, this.#now);
    dispatching = outer;
    if (this.#waiters.size === 0) present.waiting.delete(this);
    if (this.#nextStart === next || present !== instance) return;
    this.#nextStart = next;
    this.#timer?.cancel();
    if (next !== NO_START) this.#timer = new Timer(next - now(), () => this.#fire());
  }

  #fire(): void {
    this.#nextStart = NO_START;
    this.#dispatch();
  }

  /** Ends the wait of all requests after a trap: their places are lost. */
  failed(): void {
    this.#nextStart = NO_START;
    this.#timer?.cancel();
    this.clear(Answer.CoreFailed);
  }
}

function instantiate(): Instance {
  try {
    return new Instance();
  } catch (cause) {
    if (cause instanceof WaterspoutError) throw cause;
    throw new WaterspoutError("UNSUPPORTED", "WebAssembly could not be compiled: a Content-Security-Policy needs 'wasm-unsafe-eval' in its script-src", { cause });
  }
}

/** Returns a registry that calls `act` for collected objects. Workerd has none at older compatibility dates. */
function registry<Held>(act: (held: Held) => void): FinalizationRegistry<Held> | undefined {
  return globalThis.FinalizationRegistry && new FinalizationRegistry(act);
}

let collected: FinalizationRegistry<() => void> | undefined;

/**
 * Calls `act` with `owner` some time after all `objects` were collected, if `owner` is still alive. Returns whether the engine can.
 *
 * The registry keeps `owner` weakly: a strong reference would keep the objects alive if `owner` refers to them. For the same reason, `act`
 * must be no closure: in V8, a closure refers to all that its neighbours use.
 */
export function onCollected<Owner extends object>(objects: readonly object[], owner: Owner, act: (owner: Owner) => void): boolean {
  // Made at the first use: the package does no work when it is imported.
  collected ??= registry((act) => act());
  if (!collected) return false;
  const weakOwner = new WeakRef(owner);
  let left = objects.length;
  const collect = (): void => {
    const present = weakOwner.deref();
    if (--left === 0 && present) act(present);
  };
  for (const object of objects) collected.register(object, collect);
  return true;
}
