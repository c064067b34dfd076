/** One request on its way: what the core decides about, and what comes of it. */
import { Body } from "./body.js";
import type { Core, Task } from "./core.js";
import { endBody, keep } from "./ending.js";
import { noteAttempts, quietly, timeoutError, WaterspoutError, type ErrorCode } from "./errors.js";
import { follow, unfollow } from "./follow.js";
import { callersSignal, plainUrl, platformInit, withMembers } from "./init.js";
import type { Limits } from "./limits.js";
import { watchedResponse } from "./progress.js";
import { delayAfter, type Retry } from "./retry.js";
import type { FetchOptions, Hooks, QueueEvent, WaterspoutInit } from "./types.js";

/** Options with nothing left open. */
export interface Options extends Omit<FetchOptions, "timeout" | "retry" | "hooks"> {
  priority: number;
  limits: Limits;
  retry?: Retry | undefined;
  hooks: Hooks;
}

/** What the client gives its requests. */
export interface Surroundings {
  core: Core;
  fetch(upon: unknown, ...call: Parameters<typeof globalThis.fetch>): Promise<Response>;
  /** Whether that is the platform's own, which takes the arguments as they are. */
  isDirect: boolean;
  byOrigin: boolean;
  /** The requests that are on their way. */
  jobs: Set<Job>;
  observers: Set<(event: QueueEvent) => void>;
  seen: number;
}

/** Code and message of the failures, by number. */
const failures: { readonly [failure: number]: [code: ErrorCode, message: string] } = {
  1: ["QUEUE_FULL", "the queue is full: as many requests wait as `maxQueued` allows"],
  2: ["CLEARED", "the client's queue was cleared while the request waited in it"],
  3: ["CLOSED", "the client is closed"],
  8: ["INTERNAL", "the WebAssembly core broke off; new requests get a new one"],
};
/** From 4 on: which limit, and what it covered. */
const overdue: [limit: keyof Limits, inQueue: boolean][] = [["queue", true], ["head", false], ["total", true], ["total", false]];

/** The failure that another attempt may change. */
const HEAD = 5;

export class Job implements Task {
  readonly #around: Surroundings;
  #input: RequestInfo | URL;
  #init: WaterspoutInit | undefined;
  readonly #options: Options;
  /** What the platform's fetch is called upon. */
  readonly #upon: unknown;
  readonly #signal: AbortSignal | undefined;
  readonly #body: Body;
  readonly #called: number = performance.now();
  readonly #number: number;
  readonly promise: Promise<Response>;
  #resolve!: (response: Response) => void;
  #reject!: (error: unknown) => void;
  #clock: AbortController | undefined;
  /** The Request, unless the platform is given the very arguments; then this is their URL. */
  #made: Request | undefined;
  readonly #plainUrl: string | undefined;
  /** What the first Request has beside those. */
  readonly #members: Record<string, unknown>;
  id = 0;
  #attempts = 0;
  #origin: string | undefined;
  /** What came of the last attempt. */
  #response: Response | undefined;
  #error: unknown;
  /** Whether the platform has it, and the Request that it was given. */
  #isSent = false;
  #sent: Request | undefined;
  /** Where it is. */
  #stage: QueueEvent["stage"] | undefined;

  /**
   * The Request is built now, as the platform would: a wrong argument is told at once, a body is taken. If all that is asked for is
   * a slot, and there is one, the platform does that itself.
   */
  constructor(around: Surroundings, options: Options, upon: unknown, input: RequestInfo | URL, init: WaterspoutInit | undefined) {
    this.#around = around;
    this.#options = options;
    this.#upon = upon;
    this.#input = input;
    this.#init = init;
    this.#number = ++around.seen;
    const { limits, priority, retry } = options;
    this.#signal = callersSignal(input, init);
    this.#body = new Body(input, init, options.onUploadProgress);
    this.#members = this.#body.members(true);
    if (limits.head || limits.total || (retry && retry.attempts > 1)) this.#members.signal = this.#newSignal();
    if (this.#isBare) this.#plainUrl = plainUrl(input, init);
    if (!this.#plainUrl) void this.#request;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    follow(this.#signal, this);
    around.jobs.add(this);
    try {
      this.#signal?.throwIfAborted();
      // If there is a slot, the attempt begins within this call.
      around.core.run(this, around.byOrigin ? this.origin : "", priority, limits.queue, limits.head, limits.total);
    } catch (error) {
      this.#fail(error);
    }
  }

  get origin(): string {
    return (this.#origin ??= new URL(this.#url).origin);
  }

  get stage(): QueueEvent["stage"] | undefined {
    return this.#stage;
  }

  queued(): void {
    this.#keep();
    this.#tell("queued");
  }

  start(): void {
    const attempt = ++this.#attempts;
    const settle = (response: Response | undefined, error?: unknown): void => {
      if (this.#attempts !== attempt || this.#stage !== "started") return discard(response);
      this.#response = response;
      this.#error = error;
      this.#around.core.settle(this, response !== undefined);
    };
    this.#tell("started");
    // An observer may have aborted it.
    if (this.#stage !== "started") return;
    (this.#made ? this.#attempt(attempt) : this.#pass()).then(settle, (error: unknown) => settle(undefined, error));
  }

  again(failure: number): number {
    const { retry, limits } = this.#options;
    const attempt = this.#attempts;
    if (failure) {
      this.#error = this.#failure(failure);
      this.#response = undefined;
      this.#clock?.abort(this.#error);
    }
    if (!retry || attempt >= retry.attempts || this.#body.isOneShot || this.#signal?.aborted || (failure && failure !== HEAD)) return -1;
    const [request, response, error] = [this.#request, this.#response, this.#error];
    let delay: number;
    try {
      delay = delayAfter(retry, { request, attempt, error, ...(response && { response }) });
    } catch (error) {
      [this.#error, this.#response] = [error, undefined];
      return -1;
    }
    // A wait that the total limit would cut short is not begun; nor one of a request that was aborted just now.
    const isInTime = !limits.total || performance.now() - this.#called + delay < limits.total;
    if (!(delay >= 0 && isInTime && this.#stage === "started")) return -1;
    discard(response);
    this.#tell("waiting", this.#outcome);
    return delay;
  }

  done(failure: number): void {
    // An observer that is told of an abort may end it once more.
    if (!this.#around.jobs.has(this)) return;
    const { onDownloadProgress, throwHttpErrors, limits } = this.#options;
    // An attempt's own failure has been noted when it ended, unless the core broke off.
    const error = failure && (this.#stage !== "started" || failure > HEAD + 2) ? this.#failure(failure) : this.#error;
    if (failure || error !== undefined) return this.#fail(error);
    const [clock, signal, sent] = [this.#clock, this.#signal, this.#sent];
    // A transport may give anything, and a hook may read the body already.
    try {
      const response = this.#response as Response;
      const { status, body } = response;
      if (sent && body && (clock || signal)) {
        keep(sent, response);
        if (clock) endBody(clock, signal, limits.total, this.#called, [response, sent.signal]);
      }
      if (throwHttpErrors && status >= 400) {
        const details = { attempts: this.#attempts, request: this.#request, response };
        throw new WaterspoutError("STATUS", `the server answered with an error (status ${status})`, details);
      }
      const whole = onDownloadProgress || limits.idle ? watchedResponse(response, onDownloadProgress, limits.idle) : response;
      noteAttempts(whole, this.#attempts);
      this.#leave("head");
      this.#body.sent();
      this.#resolve(whole);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The only attempt, with the very arguments. */
  async #pass(): Promise<Response> {
    this.#isSent = true;
    const [fetch, input, init] = [this.#around.fetch, this.#input, this.#init as RequestInit | undefined];
    return await (init ? fetch(globalThis, input, init) : fetch(globalThis, input));
  }

  /** An attempt. As long as no hook is waited for, the platform is called in this very turn. */
  async #attempt(attempt: number): Promise<Response> {
    const { beforeRetry, beforeRequest, afterResponse } = this.#options.hooks;
    if (attempt > 1) {
      this.#isSent = false;
      this.#made = this.#anew();
      const told = beforeRetry?.({ request: this.#request, attempt, ...this.#outcome });
      if (told) await told;
    }
    let request = this.#request;
    let instead = beforeRequest?.({ request, attempt });
    if (isPromise(instead)) instead = await instead;
    if (instead instanceof Request) request = instead;
    // The slot may come in the same turn as the abort.
    this.#signal?.throwIfAborted();
    const extra = platformInit(request, this.#init);
    const { fetch } = this.#around;
    this.#isSent = true;
    this.#sent = request;
    const response = instead instanceof Response ? instead : await (extra ? fetch(this.#upon, request, extra) : fetch(this.#upon, request));
    let other = afterResponse?.({ request, attempt, response });
    if (isPromise(other)) other = await other;
    return other ?? response;
  }

  /** The request once more, after the first, whose headers and body hooks may have changed. */
  #anew(): Request {
    const before = this.#request;
    const members = { ...this.#body.members(false), signal: this.#newSignal(), referrer: before.referrer, referrerPolicy: before.referrerPolicy };
    // A form is written with another boundary each time. Bun keeps the type of the Request before, whatever the headers say.
    if ("body" in members && members.body instanceof FormData) before.headers.delete("content-type");
    const headers = new Headers(before.headers);
    return new Request(before, { ...members, headers });
  }

  #newSignal(): AbortSignal {
    return (this.#clock = new AbortController()).signal;
  }

  /** The caller's signal is aborted. Nobody is waited for, be it a hook or a platform that heeds no signal. */
  handleEvent(): void {
    const reason = this.#signal?.reason as unknown;
    this.#fail(reason);
    this.#around.core.cancel(this);
    this.#clock?.abort(reason);
  }

  /** Whether nothing is asked for that needs a Request of ours. */
  get #isBare(): boolean {
    const { hooks, throwHttpErrors } = this.#options;
    const signal = this.#signal;
    const isPlain = this.#around.isDirect && this.#upon === globalThis && !throwHttpErrors && (!signal || (signal instanceof AbortSignal && !signal.aborted));
    return isPlain && Object.keys({ ...hooks, ...this.#members }).length === 0;
  }

  /** Keeps a call that nothing was built of as it was made, whatever becomes of its parts; nothing of it could throw any more. */
  #keep(): void {
    if (!this.#plainUrl) return;
    this.#input = this.#plainUrl;
    this.#init = { signal: this.#signal ?? null };
  }

  get #request(): Request {
    this.#keep();
    const [init, members] = [this.#init, this.#members];
    const isPlain = Object.keys(members).length === 0;
    return (this.#made ??= new Request(this.#input, isPlain ? (init as RequestInit | undefined) : withMembers(this.#input, init, members)));
  }

  get #url(): string {
    return this.#plainUrl ?? this.#request.url;
  }

  /** What came of the last attempt. */
  get #outcome(): Pick<QueueEvent, "status" | "error"> {
    const status = this.#response?.status;
    return status ? { status } : { error: this.#error };
  }

  #failure(failure: number): Error {
    const known = failures[failure];
    if (known) return new WaterspoutError(...known, { attempts: this.#attempts, request: this.#request });
    const [limit, inQueue] = overdue[failure - 4] ?? ["total", false];
    return timeoutError(inQueue ? "waiting for a free slot" : "waiting for the response's head", limit, this.#options.limits[limit]);
  }

  #fail(error: unknown): void {
    // What was never sent is given up: its body is told, as the platform would.
    if (!this.#isSent) this.#made?.body?.cancel(error).catch(() => undefined);
    this.#leave(this.#signal?.aborted ? "cancelled" : "failed", { error });
    noteAttempts(error, this.#attempts);
    this.#reject(error);
    quietly(() => this.#options.hooks.onError?.({ request: this.#request, attempt: this.#attempts, error }));
  }

  #leave(stage: QueueEvent["stage"], outcome?: Pick<QueueEvent, "error">): void {
    unfollow(this.#signal, this);
    this.#around.jobs.delete(this);
    this.#tell(stage, outcome);
  }

  #tell(stage: QueueEvent["stage"], outcome?: Pick<QueueEvent, "status" | "error">): void {
    this.#stage = stage;
    for (const observer of this.#around.observers) {
      const event = { id: this.#number, stage, url: this.#url, origin: this.origin, priority: this.#options.priority, at: performance.now() };
      quietly(() => observer({ ...event, ...outcome }));
    }
  }
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as Partial<Promise<unknown>> | null | undefined)?.then === "function";
}

/** A response that nobody will read. */
function discard(response: Response | undefined): void {
  quietly(() => response?.bodyUsed || response?.body?.cancel());
}
