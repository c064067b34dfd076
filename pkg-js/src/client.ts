/** The client: the platform's fetch behind a queue. */
/// <reference lib="esnext.disposable" preserve="true" />
import { checkMembers, checkNumber } from "./checks.js";
import { Core, type ClientSettings } from "./core.js";
import { isWaterspoutError } from "./errors.js";
import type { EventsInit, ServerEvents } from "./events.js";
import { DEFAULTS, mergeOptions, rateSettings, SHARED_OPTIONS, type Options } from "./options.js";
import { Command, NO_LIMIT, Stat, UNLIMITED_QUEUE, WAIT_BUCKETS } from "./protocol.js";
import { ClientRequest, type ClientContext } from "./request.js";
import type { ClientOptions, ClientStats, QueueEvent, ResponsePromise, ShortcutInit, WaterspoutInit } from "./types.js";

/** The default of `maxActive`. */
const DEFAULT_MAX_ACTIVE = 10;

/**
 * An HTTP client that runs at most `maxActive` requests at once.
 *
 * `client.fetch` is a drop-in for the platform's `fetch`: same arguments, same Response, same rejections.
 */
export class Client {
  readonly #options: Options;
  readonly #fallback: ClientContext["fetch"] | undefined;
  readonly #context: ClientContext;
  readonly #core: Core;

  constructor(options: ClientOptions = {}) {
    const known = ["maxActive", "maxActivePerOrigin", "maxQueued", "rateLimit", "rateLimitPerOrigin", "fetch", "fallback", ...SHARED_OPTIONS] as const;
    const checked = checkMembers("options", options, known);
    const { maxActive = DEFAULT_MAX_ACTIVE, maxActivePerOrigin, maxQueued, rateLimit, rateLimitPerOrigin, fetch = globalThis.fetch, fallback, ...rest } = checked;
    const settings: ClientSettings = [
      checkNumber("maxActive", maxActive, 1),
      maxActivePerOrigin === undefined ? NO_LIMIT : checkNumber("maxActivePerOrigin", maxActivePerOrigin, 1),
      maxQueued === undefined ? UNLIMITED_QUEUE : checkNumber("maxQueued", maxQueued, 0),
      ...rateSettings("rateLimit", rateLimit),
      ...rateSettings("rateLimitPerOrigin", rateLimitPerOrigin),
    ];
    if (typeof fetch !== "function") throw new TypeError("fetch must be a function; set the option `fetch` on a platform without fetch");
    this.#options = mergeOptions(rest, DEFAULTS);
    this.#fallback = fallback && ((thisArg, ...call) => fallback.apply(thisArg, call));
    this.#core = new Core(settings);
    this.#context = {
      core: this.#core,
      fetch: (thisArg, ...call) => fetch.apply(thisArg, call),
      isPlatformFetch: !options.fetch,
      hasOriginLimits: !!(maxActivePerOrigin || rateLimitPerOrigin),
      requests: new Set(),
      observers: new Set(),
      requestCount: 0,
    };
    this.fetch = platformFunction((thisArg, input, init) => this.#send(thisArg, input, init));
    // Some engines have no `Symbol.dispose` yet.
    if (Symbol.dispose) this[Symbol.dispose] = () => this.close({ now: true });
  }

  /**
   * Fetches as the platform does, once a slot is free. If a slot is free now, the platform's fetch is called within this call.
   *
   * Aborting a waiting request takes it out of the queue at once. The function works without its client
   * (`const { fetch } = client`), and on any object that has it under this name.
   */
  readonly fetch: (input: string | URL | Request, ...rest: [init?: WaterspoutInit]) => Promise<Response>;

  /** Sends a GET request. */
  get(url: string | URL, init?: ShortcutInit): ResponsePromise {
    return this.#call("GET", url, init);
  }

  /** Sends a HEAD request. */
  head(url: string | URL, init?: ShortcutInit): ResponsePromise {
    return this.#call("HEAD", url, init);
  }

  /** Sends a POST request. */
  post(url: string | URL, init?: ShortcutInit): ResponsePromise {
    return this.#call("POST", url, init);
  }

  /** Sends a PUT request. */
  put(url: string | URL, init?: ShortcutInit): ResponsePromise {
    return this.#call("PUT", url, init);
  }

  /** Sends a PATCH request. */
  patch(url: string | URL, init?: ShortcutInit): ResponsePromise {
    return this.#call("PATCH", url, init);
  }

  /** Sends a DELETE request. */
  delete(url: string | URL, init?: ShortcutInit): ResponsePromise {
    return this.#call("DELETE", url, init);
  }

  /**
   * Returns the events that the server sends, as an async iterable that reconnects when the connection is lost.
   *
   * This is `events` of `waterspout/events`, through this client. The first use loads that entry.
   */
  events(url: string | URL, init?: EventsInit): ServerEvents {
    let inner: Promise<ServerEvents> | undefined;
    const load = (): Promise<ServerEvents> => (inner ??= import("./events.js").then(({ events }) => events(this, url, init)));
    // With `yield*`, a `return` would wait until the pending `next` has its event.
    return Object.assign((async function* (): ServerEvents {})(), {
      next: async () => (await load()).next(),
      return: async (value: void | PromiseLike<void>) => (await load()).return(value),
      throw: async (error: unknown) => (await load()).throw(error),
    });
  }

  /** Starts no further requests. Running requests go on, new requests wait, and time limits count meanwhile. */
  pause(): void {
    this.#core.command(Command.Pause);
  }

  /** Starts requests again. */
  resume(): void {
    this.#core.command(Command.Resume);
  }

  /** Rejects all waiting requests with code `"CLEARED"`. Returns the number of these requests. */
  clear(): number {
    const waiting = this.#core.stat(Stat.Queued);
    this.#core.command(Command.Clear);
    return waiting;
  }

  /**
   * Closes the client: new requests reject with code `"CLOSED"`. Requests that run or wait are finished.
   *
   * With `now`, they reject as well. A request that the platform has is aborted if it has a time limit or a retry of this
   * package; if not, its response is discarded. A body that is being read belongs to the platform and goes on.
   */
  close({ now = false }: { now?: boolean } = {}): void {
    this.#core.command(now ? Command.CloseNow : Command.Close);
  }

  /** Closes the client as `close({ now: true })` does, for `using`. Present if the platform has `Symbol.dispose`. */
  declare [Symbol.dispose]: () => void;

  /** Returns the numbers of running and waiting requests at this moment, and how long requests waited for their slots. */
  stats(): ClientStats {
    const core = this.#core;
    const origins = new Map<string, { origin: string; active: number; queued: number }>();
    for (const { origin, stage } of this.#context.requests) {
      // A request between two attempts neither runs nor waits for a slot.
      if (stage === "waiting") continue;
      const counts = origins.get(origin) ?? { origin, active: 0, queued: 0 };
      origins.set(origin, counts);
      counts[stage === "started" ? "active" : "queued"]++;
    }
    const buckets = Array.from({ length: WAIT_BUCKETS }, (_, index) => core.stat(Stat.FirstBucket + index));
    const count = buckets.reduce((sum, next) => sum + next, 0);
    const mean = core.stat(Stat.TotalWait) / (count || 1);
    const waits = { count, mean, longest: core.stat(Stat.LongestWait), buckets };
    return { active: core.stat(Stat.Active), queued: core.stat(Stat.Queued), waits, origins: [...origins.values()] };
  }

  /** Calls `observer` at each step of each request. Returns a function that ends this. Errors of `observer` are ignored. */
  observe(observer: (event: QueueEvent) => void): () => void {
    const { observers } = this.#context;
    observers.add(observer);
    return () => void observers.delete(observer);
  }

  #send(thisArg: unknown, input: RequestInfo | URL, init?: WaterspoutInit): Promise<Response> {
    const own = init?.waterspout;
    const options = own === undefined ? this.#options : mergeOptions(checkMembers("waterspout", own, SHARED_OPTIONS), this.#options);
    if (this.#fallback) {
      try {
        this.#core.use();
      } catch (error) {
        if (!isWaterspoutError(error, "UNSUPPORTED")) throw error;
        const { body } = init ?? {};
        // The fallback does not know bodies that are functions.
        return this.#fallback(thisArg, input, (typeof body === "function" ? { ...init, body: body(), duplex: "half" } : init) as RequestInit);
      }
    }
    return new ClientRequest(this.#context, options, thisArg, input, init).promise;
  }

  #call(method: string, url: string | URL, given: ShortcutInit | undefined): ResponsePromise {
    const call = async (): Promise<Response> => {
      const { json, form, searchParams, ...init } = given ?? {};
      const bodies = [json !== undefined && JSON.stringify(json), form && new URLSearchParams(form), init.body];
      const [body, ...more] = bodies.filter(Boolean);
      if (more.length > 0) throw new TypeError("json, form and body exclude each other");
      const headers = new Headers(init.headers);
      if (json !== undefined && !headers.has("content-type")) headers.set("content-type", "application/json");
      const target = withQuery(url, new URLSearchParams(searchParams).toString());
      return this.fetch(target, { ...init, method, headers, ...(body && { body }) } as WaterspoutInit);
    };
    const promise = call();
    const readers = {
      json: () => promise.then((response) => response.json()),
      text: () => promise.then((response) => response.text()),
    };
    return Object.assign(promise, readers) as ResponsePromise;
  }
}

/** Returns the URL with `query` added to its query, which stays as it is written. */
function withQuery(url: string | URL, query: string): string | URL {
  if (!query) return url;
  // A Request resolves a relative URL as the platform does.
  const target = new URL(new Request(url).url);
  target.search += (target.search && "&") + query;
  return target;
}

/**
 * Returns a function like the platform's fetch: it is no constructor, and rejects a call without arguments.
 *
 * On an object that holds the function, or on none, the platform's fetch is called on `globalThis`. On any other object, the platform's
 * fetch is called on that object: it may refuse it, or answer with the promise of another window's realm.
 */
function platformFunction(send: (thisArg: unknown, input: RequestInfo | URL, init?: WaterspoutInit) => Promise<Response>): Client["fetch"] {
  const { fetch } = {
    fetch(this: Partial<typeof globalThis> | null | undefined, input: RequestInfo | URL, ...rest: [init?: WaterspoutInit]): Promise<Response> {
      const isOwnHolder = this == null || this.fetch === fetch;
      let promise: Promise<Response>;
      try {
        if (arguments.length === 0) throw new TypeError("fetch needs a URL or a Request");
        promise = send(isOwnHolder ? globalThis : this, input, rest[0]);
      } catch (error) {
        promise = Promise.reject(error);
      }
      return isOwnHolder || !this.Promise ? promise : this.Promise.resolve(promise);
    },
  };
  return fetch;
}
