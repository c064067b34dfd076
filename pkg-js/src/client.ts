/** The client: the platform's fetch behind a queue. */
/// <reference lib="esnext.disposable" preserve="true" />
import type { Sender } from "./arguments.js";
import type { ClientContext } from "./context.js";
import { Core } from "./core.js";
import { events, type EventsInit, type ServerEvents } from "./events.js";
import { CLIENT_OPTIONS, DEFAULTS, mergeOptions, QUEUE_OPTIONS, queueSettings, REQUEST_OPTIONS, type Options } from "./options.js";
import { ClientRequest } from "./request.js";
import { ReadablePromise, shortcutCall } from "./shortcuts.js";
import type { ClientOptions, ClientStats, ExtendOptions, QueueEvent, ResponsePromise, ShortcutInit, WaterspoutInit } from "./types.js";

/** A method of a client that sends a request. */
type Shortcut = (url: string | URL, init?: ShortcutInit) => ResponsePromise;

/**
 * An HTTP client that runs at most `maxActive` requests at once.
 *
 * `client.fetch` is a drop-in for the platform's `fetch`: same arguments, same Response, same rejections. All methods work without
 * their client: `const { get, stats } = client`.
 */
export class Client {
  readonly #options: Options;
  /** The options of the shortcuts, which hold their slots until the body has been read. */
  readonly #shortcutOptions: Options;
  readonly #context: ClientContext;

  constructor(options?: ClientOptions);
  /** @internal */
  constructor(options: ExtendOptions, parent: Client);
  constructor(options: ClientOptions = {}, parent?: Client) {
    const known = parent ? CLIENT_OPTIONS : [...CLIENT_OPTIONS, ...QUEUE_OPTIONS];
    this.#options = mergeOptions("options", options, known, parent ? parent.#options : DEFAULTS);
    this.#shortcutOptions = { ...this.#options, slot: this.#options.slot ?? "body" };
    this.#context = parent ? parent.#context : newContext(options);
    // Some engines have no `Symbol.dispose` yet.
    const dispose = (): void => void this.close({ now: true });
    if (Symbol.dispose) Object.defineProperty(this, Symbol.dispose, { value: dispose, configurable: true, writable: true });
  }

  /**
   * Fetches as the platform does, once a slot is free. If a slot is free now, the platform's fetch is called within this call.
   *
   * Aborting a waiting request takes it out of the queue at once. The function works on any object that has it under this name.
   */
  readonly fetch: (input: string | URL | Request, ...rest: [init?: WaterspoutInit]) => Promise<Response> = platformFunction((thisArg, input, init) => {
    const direct = this.#context.direct(thisArg, input, init);
    if (direct) return direct;
    const options = mergeOptions("waterspout", init?.waterspout, REQUEST_OPTIONS, this.#options);
    return new Promise((resolve, reject) => new ClientRequest(this.#context, options, thisArg, input, init, resolve, reject));
  });

  /** Sends a GET request. */
  readonly get: Shortcut = this.#shortcut("GET");
  /** Sends a HEAD request. */
  readonly head: Shortcut = this.#shortcut("HEAD");
  /** Sends a POST request. */
  readonly post: Shortcut = this.#shortcut("POST");
  /** Sends a PUT request. */
  readonly put: Shortcut = this.#shortcut("PUT");
  /** Sends a PATCH request. */
  readonly patch: Shortcut = this.#shortcut("PATCH");
  /** Sends a DELETE request. */
  readonly delete: Shortcut = this.#shortcut("DELETE");

  /**
   * Returns the events that the server sends, as an async iterable that reconnects when the connection is lost.
   *
   * This is `events` of `waterspout/events`, through this client.
   */
  readonly events: (url: string | URL, init?: EventsInit) => ServerEvents = (url, init) => events(this, url, init);

  /**
   * Returns a client with further options, which shares the queue of this client: slots, rates, statistics, observers, `idle` and
   * `close`. Headers, pairs of the query, time limits and retries are merged member by member, and hooks are added.
   */
  readonly extend: (options: ExtendOptions) => Client = (options) => new Client(options, this);

  /** Starts no further requests. Running requests go on, new requests wait, and time limits count meanwhile. */
  readonly pause: () => void = () => this.#context.core.pause(true);

  /** Starts requests again. */
  readonly resume: () => void = () => this.#context.core.pause(false);

  /** Rejects all waiting requests with code `"CLEARED"`. Returns the number of these requests. */
  readonly clear: () => number = () => this.#context.core.clear();

  /**
   * Returns a promise that resolves once no request runs or waits. A request with `slot: "body"` runs until its body has ended, a request
   * with `slot: "head"` until its response's head has arrived.
   */
  readonly idle: () => Promise<void> = () =>
    new Promise((resolve) => {
      const { requests, onIdle } = this.#context;
      if (requests.size > 0) onIdle.add(resolve);
      else resolve();
    });

  /**
   * Closes the client: new requests reject with code `"CLOSED"`. Requests that run or wait are finished. Returns a promise that resolves
   * at their end, as `idle` does.
   *
   * With `now`, they are aborted and reject with code `"CLOSED"` too. The body of a request with `slot: "head"` belongs to the platform:
   * it goes on, unless it shares its signal with a request that is aborted.
   */
  readonly close: (options?: { now?: boolean | undefined }) => Promise<void> = ({ now = false } = {}) => {
    const { core, requests } = this.#context;
    core.close();
    if (now) for (const request of requests) request.close();
    return this.idle();
  };

  /** Closes the client as `close({ now: true })` does, for `using`. Present if the platform has `Symbol.dispose`. */
  declare [Symbol.dispose]: () => void;

  /** Returns the numbers of running and waiting requests at this moment, and how long requests waited for their slots. */
  readonly stats: () => ClientStats = () => {
    const { core, requests } = this.#context;
    const origins = new Map<string, { origin: string; active: number; queued: number }>();
    for (const { report } of requests) {
      const { origin, stage } = report;
      // A request between two attempts neither runs nor waits for a slot.
      if (stage === "waiting") continue;
      const counts = origins.get(origin) ?? { origin, active: 0, queued: 0 };
      origins.set(origin, counts);
      counts[stage === "queued" ? "queued" : "active"]++;
    }
    return { active: core.active, queued: core.queued, waits: core.waits.read(), origins: [...origins.values()] };
  };

  /** Calls `observer` at each step of each request. Returns a function that ends this. Errors of `observer` are ignored. */
  readonly observe: (observer: (event: QueueEvent) => void) => () => void = (observer) => {
    const { observers } = this.#context;
    observers.add(observer);
    return () => void observers.delete(observer);
  };

  #shortcut(method: string): Shortcut {
    return (url, given) =>
      new ReadablePromise((resolve, reject) => {
        const { url: target, init, options } = shortcutCall(method, url, given);
        const merged = mergeOptions("options", options, REQUEST_OPTIONS, this.#shortcutOptions);
        return new ClientRequest(this.#context, merged, globalThis, target, init, resolve, reject);
      });
  }
}

/** Returns the state of a client with a queue of its own. */
function newContext(options: ClientOptions): ClientContext {
  // This is used while the client's fetch is the global fetch.
  const first = globalThis.fetch;
  // A function around the client's fetch may have become the global fetch. It passes these Requests and signals on to the client: such
  // a request has its slot already, and goes to the platform.
  const sentParts = new WeakSet<object>();
  let isSending = false;
  const platformFetch: Sender = function (this: unknown, ...call) {
    const { fetch } = globalThis;
    const present = ownFetches.has(fetch) ? first : fetch;
    if (typeof present !== "function") throw new TypeError("this platform has no fetch; set the option `fetch`");
    if (present === first) return present.apply(this, call);
    for (const part of [call[0], call[1]?.signal]) if (part instanceof Object) sentParts.add(part);
    isSending = true;
    try {
      const sent = present.apply(this, call);
      // The caller may send the Request of a hook or an error again.
      const forget = (): void => void sentParts.delete(call[0] as object);
      if (typeof call[0] === "object") void Promise.resolve(sent).then(forget, forget);
      return sent;
    } finally {
      isSending = false;
    }
  };
  return {
    core: new Core(queueSettings(options)),
    platformFetch,
    direct(thisArg, input, init) {
      const isSent = isSending || sentParts.has(input as object) || sentParts.has(init?.signal as object);
      return isSent ? first.call(thisArg, input, init as RequestInit) : undefined;
    },
    hasOriginLimits: !!(options.maxActivePerOrigin || options.rateLimitPerOrigin),
    requests: new Set(),
    observers: new Set(),
    awaitingEnd: new Set(),
    requestCount: 0,
    shared: new AbortController(),
    sharedCount: 0,
    checkedAt: 0,
    onIdle: new Set(),
  };
}

/** The fetch functions of all clients. */
const ownFetches = new WeakSet<object>();

/**
 * Returns a function like the platform's fetch: it is no constructor, rejects a call without arguments, and has the length 1, because its
 * second parameter has a default.
 *
 * On an object that holds the function, or on none, the platform's fetch is called on `globalThis`. On any other object, the platform's
 * fetch is called on that object: it may refuse it, or answer with the promise of another window's realm.
 */
function platformFunction(send: (thisArg: unknown, input: RequestInfo | URL, init?: WaterspoutInit) => Promise<Response>): Client["fetch"] {
  const { fetch } = {
    fetch(this: Partial<typeof globalThis> | null | undefined, input: RequestInfo | URL, init: WaterspoutInit | undefined = undefined): Promise<Response> {
      const isOwnHolder = this == null || this.fetch === fetch;
      let promise: Promise<Response>;
      try {
        if (arguments.length === 0) throw new TypeError("fetch needs a URL or a Request");
        promise = send(isOwnHolder ? globalThis : this, input, init);
      } catch (error) {
        promise = Promise.reject(error);
      }
      return isOwnHolder || !this.Promise ? promise : this.Promise.resolve(promise);
    },
  };
  ownFetches.add(fetch);
  return fetch;
}
