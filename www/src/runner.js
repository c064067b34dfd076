/** Sends batches of requests through a client and follows each request through the events of the client's observer. */
import { Client, isWaterspoutError } from "waterspout";
import { clientOptions, priorityOf } from "./client-options.js";
import { resultOfError } from "./problem.js";
import { readBody } from "./read-body.js";
import { drawSpecs } from "./request-spec.js";
import { fetchOption, requestNumber, requestUrl } from "./target.js";
import { TrackedRequest } from "./tracked-request.js";

/**
 * @typedef {import("./settings.js").Settings} Settings
 * @typedef {import("waterspout").QueueEvent} QueueEvent
 * @typedef {{ settings: Settings, specs: import("./request-spec.js").RequestSpec[], requests: TrackedRequest[] }} Batch
 */

/** The phase that the page draws for each stage of a client's event. */
const phaseOfStage = /** @type {const} */ ({ queued: "queued", started: "active", waiting: "waiting", head: "streaming" });

export class Runner {
  /** All requests since the last `clear`. @type {Set<TrackedRequest>} */
  requests = new Set();
  /** The number of requests that have not ended. */
  running = 0;
  /** The client of the last batch; undefined before the first batch and after `clear`. @type {Client | undefined} */
  client;
  /** The slots of `client`. */
  maxActive = 0;
  isPaused = false;
  /** Called after each change of a request's state. @type {(request: TrackedRequest) => void} */
  onChange = () => {};
  /** Called with the size of each chunk of a body. @type {(bytes: number) => void} */
  onBytes = () => {};
  /** Called with each error that concerns the whole client. @type {(error: unknown) => void} */
  onClientError = () => {};
  /** Called when the last request ends. */
  onIdle = () => {};
  /** The number of the last request. */
  #lastNumber = 0;
  /** The number of batches so far. */
  #batches = 0;
  /** The options of `client` as text. */
  #clientKey = "";
  /** The clients that can still have running requests. @type {Set<Client>} */
  #clients = new Set();
  /** The running requests by number. @type {Map<number, TrackedRequest>} */
  #runningByNumber = new Map();

  /** @param {import("./stopwatch.js").Stopwatch} stopwatch */
  constructor(stopwatch) {
    this.stopwatch = stopwatch;
  }

  /**
   * Creates the requests of a batch without sending them.
   *
   * @param {Settings} settings
   * @returns {Batch}
   */
  prepare(settings) {
    const specs = drawSpecs(settings, Math.random() * 2 ** 32);
    this.#batches += 1;
    const run = String(this.#batches);
    const began = this.stopwatch.elapsed();
    const requests = specs.map((spec) => {
      this.#lastNumber += 1;
      const number = this.#lastNumber;
      const url = requestUrl(settings, spec, number, run);
      return new TrackedRequest(number, url, spec, began, (request) => this.onChange(request));
    });
    return { settings, specs, requests };
  }

  /**
   * Sends the requests of a batch.
   *
   * @param {Batch} batch
   */
  send({ requests, settings }) {
    const client = this.#clientFor(settings);
    for (const request of requests) {
      this.requests.add(request);
      this.#runningByNumber.set(request.number, request);
      this.running += 1;
      void this.#fetch(request, client);
    }
  }

  /** Pauses all clients, or resumes them if they are paused. A paused client starts no request. */
  togglePause() {
    this.isPaused = !this.isPaused;
    for (const client of this.#clients) {
      if (this.isPaused) client.pause();
      else client.resume();
    }
  }

  /** Aborts all requests that have not ended. */
  abortAll() {
    // In reverse order: aborting an active request first would start a queued request that is aborted a moment later.
    for (const request of [...this.requests].reverse()) if (!request.isEnded) request.abort();
  }

  /** Aborts and forgets all requests, and forgets the client with its statistics. */
  clear() {
    this.abortAll();
    this.requests.clear();
    this.client = undefined;
    this.#clients.clear();
    // Requests that still run are found by their numbers, so numbers start again only if none runs.
    if (this.running === 0) this.#lastNumber = 0;
  }

  /**
   * Returns the current client, or a new client if the settings differ: the limits of a client never change.
   *
   * @param {Settings} settings
   */
  #clientFor(settings) {
    const options = clientOptions(settings);
    const key = JSON.stringify([options, settings.target]);
    if (this.client && this.#clientKey === key) return this.client;
    const client = new Client({ ...options, ...fetchOption(settings) });
    client.observe((event) => this.#onQueueEvent(event));
    if (this.isPaused) client.pause();
    // Without running requests, earlier clients have nothing left to pause.
    if (this.running === 0) this.#clients.clear();
    this.#clients.add(client);
    this.client = client;
    this.#clientKey = key;
    this.maxActive = settings.maxActive;
    return client;
  }

  /** @param {QueueEvent} event */
  #onQueueEvent({ url, stage, at, error }) {
    const request = this.#runningByNumber.get(requestNumber(url));
    if (!request) return;
    const time = this.stopwatch.elapsedAt(at);
    // The page reads the bodies itself, and ends each request with its result.
    if (stage === "done") return;
    if (stage === "failed" || stage === "cancelled") request.end(time, resultOfError(error, request));
    else request.enter(phaseOfStage[stage], time);
  }

  /**
   * Fetches a request through a client and reads its body.
   *
   * @param {TrackedRequest} request
   * @param {Client} client
   */
  async #fetch(request, client) {
    try {
      const waterspout = { priority: priorityOf(request.spec) };
      const response = await client.fetch(request.url, { cache: "no-store", signal: request.signal, waterspout });
      const result = await readBody(request, response, (bytes) => this.onBytes(bytes));
      request.end(this.stopwatch.elapsed(), result);
    } catch (error) {
      // This platform cannot run the client at all, for example because a policy forbids WebAssembly.
      if (isWaterspoutError(error, "UNSUPPORTED")) this.onClientError(error);
      request.end(this.stopwatch.elapsed(), resultOfError(error, request));
    } finally {
      this.#runningByNumber.delete(request.number);
      this.running -= 1;
      if (this.running === 0) this.onIdle();
    }
  }
}
