/** The client: the platform's fetch behind a queue. */
import { createCore, type Core } from "./core.js";
import { timeoutError } from "./errors.js";
import { platformInit, withSignal } from "./init.js";
import { limitsOver, refuseUnknown, type Limits } from "./limits.js";
import type { ClientOptions, ClientStats, WaterspoutInit } from "./types.js";

/**
 * An HTTP client that runs at most `maxActive` requests at once.
 *
 * `client.fetch` is a drop-in for the platform's `fetch`: same arguments, same Response, same rejections.
 */
export class Client {
  readonly #options: { maxActive: number; limits: Limits; fetch: typeof globalThis.fetch };
  #core: Core | undefined;

  constructor(options: ClientOptions = {}) {
    refuseUnknown("options", options, ["maxActive", "timeout", "fetch"]);
    const { maxActive = 10, timeout, fetch = globalThis.fetch } = options;
    if (!Number.isInteger(maxActive) || maxActive < 1 || maxActive > 0xffff_ffff) {
      throw new RangeError(`maxActive is ${String(maxActive)}: it must be a whole number, 1 at least`);
    }
    if (typeof fetch !== "function") throw new TypeError("fetch must be a function; this platform has none of its own");
    this.#options = { maxActive, limits: limitsOver(timeout), fetch: (...call) => fetch.apply(globalThis, call) };
  }

  /**
   * Fetches as the platform does, once there is a slot; in this very call if there is one.
   *
   * Aborting a waiting request takes it out of the queue at once. It works without its client:
   * `const { fetch } = client`.
   */
  readonly fetch = (input: RequestInfo | URL, ...rest: [init?: WaterspoutInit]): Promise<Response> => {
    try {
      return this.#send(input, rest[0]);
    } catch (error) {
      return Promise.reject(error);
    }
  };

  /** How many requests run and how many wait, at this moment. */
  stats(): ClientStats {
    return { active: this.#core?.active ?? 0, queued: this.#core?.queued ?? 0 };
  }

  #send(input: RequestInfo | URL, init: WaterspoutInit | undefined): Promise<Response> {
    const { maxActive, fetch, limits: defaults } = this.#options;
    const own = init?.waterspout ?? {};
    refuseUnknown("waterspout", own, ["timeout"]);
    const limits = limitsOver(own.timeout, defaults);
    const clock = limits.head || limits.total ? new AbortController() : undefined;
    // The Request is built now, as the platform would: a wrong argument is told at once, a body is taken.
    const request = new Request(input, clock ? withSignal(input, init, followed(input, init, clock.signal)) : init);
    const { signal } = request;
    if (signal.aborted) {
      giveUp(request, signal.reason);
      return Promise.reject(signal.reason);
    }

    const core = (this.#core ??= createCore(maxActive));
    const called = performance.now();
    return new Promise<Response>((resolve, reject) => {
      let started = false;
      let cancel = (): void => undefined;
      const cancelled = new Promise<void>((resolve) => (cancel = resolve));
      const onAbort = (): void => {
        // Once started, the platform itself rejects.
        if (started) return;
        cancel();
        reject(signal.reason);
        giveUp(request, signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });

      const start = (): Promise<Response> => {
        // The slot may come in the same turn as the abort.
        if (signal.aborted) return Promise.reject(signal.reason);
        started = true;
        const extra = platformInit(request, init);
        return extra ? fetch(request, extra) : fetch(request);
      };
      const done = (response: Response | undefined, thrown: unknown, phase?: string, limit?: keyof Limits): void => {
        signal.removeEventListener("abort", onAbort);
        cancel();
        if (response) {
          if (clock && limits.total && response.body !== null) abortLater(clock, limits.total, called);
          resolve(response);
        } else if (phase && limit) {
          const error = timeoutError(phase, limit, limits[limit]);
          reject(error);
          clock?.abort(error);
          if (!started) giveUp(request, error);
        } else {
          reject(thrown);
        }
      };
      core.send(start, done, cancelled, limits.queue, limits.head, limits.total);
    });
  }
}

/** Gives a request up before it was sent: its body is told, as the platform would. */
function giveUp(request: Request, reason: unknown): void {
  request.body?.cancel(reason).catch(() => undefined);
}

/** A signal that follows the caller's, if there is one, and ours. */
function followed(input: RequestInfo | URL, init: WaterspoutInit | undefined, ours: AbortSignal): AbortSignal {
  const inherited = input instanceof Request ? input.signal : undefined;
  const callers = init?.signal === undefined ? inherited : init.signal;
  if (!callers) return ours;
  if ("any" in AbortSignal) return AbortSignal.any([callers, ours]);
  const both = new AbortController();
  for (const signal of [callers, ours]) {
    const follow = (): void => both.abort(signal.reason);
    if (signal.aborted) follow();
    else signal.addEventListener("abort", follow, { once: true });
  }
  return both.signal;
}

/** The rest of the total limit, for the body; it keeps no process alive, and does nothing to a body that has ended. */
function abortLater(clock: AbortController, total: number, called: number): void {
  const left = Math.max(0, Math.ceil(called + total - performance.now()));
  // A longer delay would be taken for none.
  const timer: unknown =
    left > 0x7fff_ffff
      ? setTimeout(() => abortLater(clock, total, called), 0x7fff_ffff)
      : setTimeout(() => clock.abort(timeoutError("body", "total", total)), left);
  if (typeof timer === "object" && timer !== null && "unref" in timer && typeof timer.unref === "function") timer.unref();
}
