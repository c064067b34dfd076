/** Repeats a batch with plain fetch: without a client, all requests at once, without retries. */
import { resultOfError } from "./problem.js";
import { readBody } from "./read-body.js";
import { fetchOption, requestUrl } from "./target.js";
import { TrackedRequest } from "./tracked-request.js";

/** @typedef {import("./runner.js").Batch} Batch */

export class PlainFetchRun {
  /** @type {TrackedRequest[]} */
  requests = [];
  /** The number of requests that have not ended. */
  running = 0;
  /** The time of the start, from `performance.now()`. */
  began = 0;
  /** Called when the last request ends. */
  onIdle = () => {};
  /** Identifies the current run. `start` and `clear` change it. */
  #run = 0;

  /** Returns the milliseconds since the start. */
  now() {
    return performance.now() - this.began;
  }

  /**
   * Starts all requests of a batch again.
   *
   * @param {Batch} batch
   */
  start({ settings, specs, requests }) {
    this.clear();
    this.began = performance.now();
    this.#run += 1;
    const run = this.#run;
    const send = fetchOption(settings).fetch ?? ((input, init) => fetch(input, init));
    this.requests = specs.map((spec, index) => {
      const { number } = requests[index];
      return new TrackedRequest(number, requestUrl(settings, spec, number, `plain-${run}`), spec, 0, () => {});
    });
    this.running = this.requests.length;
    for (const request of this.requests) void this.#fetch(request, send, run);
  }

  /** Aborts all requests that have not ended. */
  abort() {
    for (const request of this.requests) if (!request.isEnded) request.abort();
  }

  /** Aborts and forgets all requests. */
  clear() {
    this.abort();
    this.requests = [];
    this.running = 0;
    this.#run += 1;
  }

  /**
   * @param {TrackedRequest} request
   * @param {typeof fetch} send
   * @param {number} run
   */
  async #fetch(request, send, run) {
    request.enter("active", this.now());
    try {
      const response = await send(request.url, { cache: "no-store", signal: request.signal });
      request.enter("streaming", this.now());
      const result = await readBody(request, response, () => {});
      request.end(this.now(), result);
    } catch (error) {
      request.end(this.now(), resultOfError(error, request));
    }
    // Requests of a cleared run still end; they must not count for the current run.
    if (run !== this.#run) return;
    this.running -= 1;
    if (this.running === 0) this.onIdle();
  }
}
