/** The client: the platform's fetch behind a queue. */
/// <reference lib="esnext.disposable" preserve="true" />
import { Core } from "./core.js";
import { isWaterspoutError } from "./errors.js";
import type { EventsInit, ServerEvent } from "./events.js";
import { Job, type Options, type Surroundings } from "./job.js";
import { limitsOver, members, noLimits, rateNumbers, shared, within } from "./limits.js";
import { retryOver } from "./retry.js";
import type { ClientOptions, ClientStats, FetchOptions, QueueEvent, ResponsePromise, ShortcutInit, WaterspoutInit } from "./types.js";

type Events = AsyncGenerator<ServerEvent, void, undefined>;

/** The buckets of the histogram of waits. */
const BUCKETS = 23;

/**
 * An HTTP client that runs at most `maxActive` requests at once.
 *
 * `client.fetch` is a drop-in for the platform's `fetch`: same arguments, same Response, same rejections.
 */
export class Client {
  readonly #options: Options;
  readonly #fallback: Surroundings["fetch"] | undefined;
  readonly #around: Surroundings;
  readonly #core: Core;

  constructor(options: ClientOptions = {}) {
    const known = ["maxActive", "maxActivePerOrigin", "maxQueued", "rateLimit", "rateLimitPerOrigin", "fetch", "fallback", ...shared] as const;
    const { maxActive = 10, maxActivePerOrigin, maxQueued, rateLimit, rateLimitPerOrigin, fetch = globalThis.fetch, fallback, ...set } = members("options", options, known);
    const settings = [
      within("maxActive", maxActive, 1),
      maxActivePerOrigin === undefined ? 0 : within("maxActivePerOrigin", maxActivePerOrigin, 1),
      maxQueued === undefined ? -1 : within("maxQueued", maxQueued, 0),
      ...rateNumbers("rateLimit", rateLimit),
      ...rateNumbers("rateLimitPerOrigin", rateLimitPerOrigin),
    ];
    if (typeof fetch !== "function") throw new TypeError("fetch must be a function; this platform has none of its own");
    this.#options = optionsOver(set, { limits: noLimits, hooks: {}, priority: 0 });
    this.#fallback = fallback && ((upon, ...call) => fallback.apply(upon, call));
    this.#core = new Core(settings);
    this.#around = {
      core: this.#core,
      fetch: (upon, ...call) => fetch.apply(upon, call),
      isDirect: !options.fetch,
      byOrigin: !!(maxActivePerOrigin || rateLimitPerOrigin),
      jobs: new Set(),
      observers: new Set(),
      seen: 0,
    };
    this.fetch = asFunction((upon, input, init) => this.#send(upon, input, init));
    // Not every engine has the name yet.
    if (Symbol.dispose) this[Symbol.dispose] = () => this.close({ now: true });
  }

  /**
   * Fetches as the platform does, once there is a slot; in this very call if there is one.
   *
   * Aborting a waiting request takes it out of the queue at once. It works without its client, `const { fetch } = client`, and
   * upon whatever has it under that name.
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
   * The events that the server sends, as an async iterable that connects again when it is lost; `events` of
   * `waterspout/events`, through this client. That entry is loaded at the first use.
   */
  events(url: string | URL, init?: EventsInit): AsyncGenerator<ServerEvent, void, undefined> {
    let inner: Promise<Events> | undefined;
    const load = (): Promise<Events> => (inner ??= import("./events.js").then(({ events }) => events(this, url, init)));
    // Not by `yield*`: a `return` would wait for the event that somebody waits for.
    return Object.assign((async function* (): Events {})(), {
      next: async () => (await load()).next(),
      return: async (value: void | PromiseLike<void>) => (await load()).return(value),
      throw: async (error: unknown) => (await load()).throw(error),
    });
  }

  /** Lets no further request start; those that run go on, new ones wait. Time limits count meanwhile. */
  pause(): void {
    this.#core.command(0);
  }

  /** Lets requests start again. */
  resume(): void {
    this.#core.command(1);
  }

  /** Takes all waiting requests out of the queue: they reject with code `"CLEARED"`. The result is how many there were. */
  clear(): number {
    const waiting = this.#core.stat(1);
    this.#core.command(2);
    return waiting;
  }

  /**
   * Takes no more requests: new ones reject with code `"CLOSED"`. Those that run or wait are finished, or with `now` reject as
   * well; what the platform has in hand is aborted if it has a time limit or a retry of ours, else its answer is thrown away. Bodies
   * that are being read are the platform's own and go on.
   */
  close({ now = false }: { now?: boolean } = {}): void {
    this.#core.command(now ? 4 : 3);
  }

  /** The same as `close({ now: true })`, for `using`; where the platform knows the name. */
  declare [Symbol.dispose]: () => void;

  /** How many requests run and how many wait, at this moment; how long those waited that ran. */
  stats(): ClientStats {
    const stat = (which: number): number => this.#core.stat(which);
    const origins = new Map<string, { origin: string; active: number; queued: number }>();
    for (const { origin, stage } of this.#around.jobs) {
      // One that backs off does neither.
      if (stage === "waiting") continue;
      const counts = origins.get(origin) ?? { origin, active: 0, queued: 0 };
      origins.set(origin, counts);
      counts[stage === "started" ? "active" : "queued"]++;
    }
    const buckets = Array.from({ length: BUCKETS }, (_, bucket) => stat(4 + bucket));
    const count = buckets.reduce((sum, next) => sum + next, 0);
    const waits = { count, mean: stat(2) / (count || 1), longest: stat(3), buckets };
    return { active: stat(0), queued: stat(1), waits, origins: [...origins.values()] };
  }

  /** Tells `observer` of each step of each request; the result ends that. What it throws is ignored. */
  observe(observer: (event: QueueEvent) => void): () => void {
    const { observers } = this.#around;
    observers.add(observer);
    return () => void observers.delete(observer);
  }

  #send(upon: unknown, input: RequestInfo | URL, init?: WaterspoutInit): Promise<Response> {
    const options = init?.waterspout === undefined ? this.#options : optionsOver(members("waterspout", init.waterspout, shared), this.#options);
    if (this.#fallback) {
      try {
        this.#core.use();
      } catch (error) {
        if (!isWaterspoutError(error, "UNSUPPORTED")) throw error;
        const { body } = init ?? {};
        return this.#fallback(upon, input, (typeof body === "function" ? { ...init, body: body(), duplex: "half" } : init) as RequestInit);
      }
    }
    return new Job(this.#around, options, upon, input, init).promise;
  }

  #call(method: string, url: string | URL, given: ShortcutInit | undefined): ResponsePromise {
    const call = async (): Promise<Response> => {
      const { json, form, searchParams, ...init } = given ?? {};
      const [body, ...more] = [json !== undefined && JSON.stringify(json), form && new URLSearchParams(form), init.body].filter(Boolean);
      if (more.length > 0) throw new TypeError("json, form and body exclude each other");
      const headers = new Headers(init.headers);
      let target = url;
      const added = new URLSearchParams(searchParams).toString();
      if (added) {
        // As the platform resolves it; what is there stays as it is written.
        target = new URL(new Request(url).url);
        target.search += (target.search && "&") + added;
      }
      if (json !== undefined && !headers.has("content-type")) headers.set("content-type", "application/json");
      return this.fetch(target, { ...init, method, headers, ...(body && { body }) } as WaterspoutInit);
    };
    const promise = call();
    const read = { json: () => promise.then((response) => response.json()), text: () => promise.then((response) => response.text()) };
    return Object.assign(promise, read) as ResponsePromise;
  }
}

/**
 * A function as the platform's own: no constructor, and never without an argument. What it is called upon is the platform's to judge,
 * who may refuse it or answer in another window's realm; unless that is where it is kept, or nothing.
 */
function asFunction(send: (upon: unknown, input: RequestInfo | URL, init?: WaterspoutInit) => Promise<Response>): Client["fetch"] {
  const { fetch } = {
    fetch(this: Partial<typeof globalThis> | null | undefined, input: RequestInfo | URL, ...rest: [init?: WaterspoutInit]): Promise<Response> {
      const isKept = this == null || this.fetch === fetch;
      let promise: Promise<Response>;
      try {
        if (arguments.length === 0) throw new TypeError("fetch needs a URL or a Request");
        promise = send(isKept ? globalThis : this, input, rest[0]);
      } catch (error) {
        promise = Promise.reject(error);
      }
      return isKept || !this.Promise ? promise : this.Promise.resolve(promise);
    },
  };
  return fetch;
}

/** What `set` says, over `before`. */
function optionsOver(set: FetchOptions, before: Options): Options {
  const { timeout, retry, hooks, ...same } = set;
  const options = { ...before, ...same };
  within("priority", options.priority, -32768, 32767);
  return {
    ...options,
    limits: limitsOver(timeout, before.limits),
    retry: retryOver(retry, before.retry),
    hooks: { ...before.hooks, ...members("hooks", hooks, ["beforeRequest", "beforeRetry", "afterResponse", "onError"]) },
  };
}
