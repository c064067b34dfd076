/** A request of a client, from the call to the response. The core decides when its attempts run. */
import { offAbort, onAbort, type AbortListener } from "./abort.js";
import { abortBodyOn, keepRequest } from "./body-abort.js";
import { RequestBody } from "./body.js";
import type { Core, Task } from "./core.js";
import { ignoreErrors, noteAttempts, timeoutError, WaterspoutError, type ErrorCode } from "./errors.js";
import { callerSignal, initWith, plainUrl, platformInit } from "./init.js";
import type { AllTimeouts, Options } from "./options.js";
import { countResponse } from "./progress.js";
import { Failure, NO_RETRY } from "./protocol.js";
import { retryDelay } from "./retry.js";
import type { QueueEvent, WaterspoutInit } from "./types.js";

type Stage = QueueEvent["stage"];

/** The state of a client that its requests share. */
export interface ClientContext {
  core: Core;
  fetch(thisArg: unknown, ...call: Parameters<typeof globalThis.fetch>): Promise<Response>;
  /** Whether `fetch` is the platform's own, which accepts a caller's arguments unchanged. */
  isPlatformFetch: boolean;
  /** Whether the client has limits by origin, so that the core needs each request's origin. */
  hasOriginLimits: boolean;
  /** The requests that have not ended. */
  requests: Set<ClientRequest>;
  observers: Set<(event: QueueEvent) => void>;
  /** The number of requests so far. */
  requestCount: number;
}

/** Code and message of the failures that are not time limits. */
const FAILURES: { readonly [failure: number]: [code: ErrorCode, message: string] } = {
  [Failure.QueueFull]: ["QUEUE_FULL", "the queue is full: `maxQueued` requests wait"],
  [Failure.Cleared]: ["CLEARED", "the queue was cleared while the request waited"],
  [Failure.Closed]: ["CLOSED", "the client is closed"],
  [Failure.CoreFailed]: ["INTERNAL", "the WebAssembly core failed; further requests get a new core"],
};

/** The limits whose failures are time limits. */
const TIMEOUTS: { readonly [failure: number]: keyof AllTimeouts } = {
  [Failure.QueueTimeout]: "queue",
  [Failure.HeadTimeout]: "head",
  [Failure.RequestTimeout]: "request",
  [Failure.TotalTimeout]: "total",
};

/** The lowest status of an error. */
const FIRST_ERROR_STATUS = 400;

export class ClientRequest implements Task, AbortListener {
  readonly #context: ClientContext;
  #input: RequestInfo | URL;
  #init: WaterspoutInit | undefined;
  readonly #options: Options;
  /** The `this` of the platform's fetch. */
  readonly #thisArg: unknown;
  readonly #signal: AbortSignal | undefined;
  readonly #body: RequestBody;
  /** Which of the limits `request` and `total` passes first, and when; without these limits never. */
  #limit: "request" | "total" = "total";
  #endsAt: number;
  readonly #number: number;
  readonly promise: Promise<Response>;
  #resolve!: (response: Response) => void;
  #reject!: (error: unknown) => void;
  /** Aborts the present attempt. Set if a time limit or a retry may need it. */
  #controller: AbortController | undefined;
  /**
   * The Request that this package built for the present attempt. Undefined while a plain call needs none; then it is built only for an
   * error or a retry.
   */
  #built: Request | undefined;
  /** The URL of a call whose arguments need no Request. */
  readonly #plainUrl: string | undefined;
  /** Members of the first Request. They replace the members of `init` with the same names. */
  readonly #members: Record<string, unknown>;
  taskId = 0;
  #attempts = 0;
  #origin: string | undefined;
  /** The response of the last attempt. */
  #response: Response | undefined;
  /** The error of the last attempt. */
  #error: unknown;
  /**
   * The Request of the present attempt, once the hook `beforeRequest` has ended. It is the hook's Request if the hook returned a Request.
   * It is set even if the hook answered with a Response.
   */
  #sent: Request | undefined;
  /** The state of the request, which is also the last step that the observers got. Only in `started` can an attempt end. */
  stage: Stage | undefined;

  /**
   * Builds the Request at once, as the platform does: wrong arguments are reported at once, and a body is taken.
   *
   * Exception: a plain call. The platform builds its Request, from the caller's arguments if a slot is free, else from copies.
   */
  constructor(context: ClientContext, options: Options, thisArg: unknown, input: RequestInfo | URL, init: WaterspoutInit | undefined) {
    this.#context = context;
    this.#options = options;
    this.#thisArg = thisArg;
    this.#input = input;
    this.#init = init;
    this.#number = ++context.requestCount;
    const { timeouts, priority, retry } = options;
    this.#endsAt = performance.now() + (timeouts.total || Infinity);
    this.#signal = callerSignal(input, init);
    this.#body = new RequestBody(input, init, options.onUploadProgress);
    this.#members = this.#body.initMembers(true);
    if (timeouts.head || timeouts.request || timeouts.total || (retry && retry.attempts > 1)) this.#members.signal = this.#newSignal();
    if (this.#canPassThrough) this.#plainUrl = plainUrl(input, init);
    if (!this.#plainUrl) this.#buildRequest();
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    onAbort(this.#signal, this);
    context.requests.add(this);
    try {
      this.#signal?.throwIfAborted();
      // If a slot is free, the attempt starts within this call.
      context.core.run(this, context.hasOriginLimits ? this.origin : "", priority, timeouts.queue, timeouts.head, timeouts.request, timeouts.total);
    } catch (error) {
      this.#fail(error);
    }
  }

  get origin(): string {
    return (this.#origin ??= new URL(this.#url).origin);
  }

  queued(): void {
    this.#copyArguments();
    this.#notify("queued");
  }

  start(): void {
    const attempt = ++this.#attempts;
    // The limit `request` begins with the first slot.
    const endsAt = performance.now() + (this.#options.timeouts.request || Infinity);
    if (attempt === 1 && endsAt < this.#endsAt) {
      this.#limit = "request";
      this.#endsAt = endsAt;
    }
    const endAttempt = (response: Response | undefined, error?: unknown): void => {
      // The request has ended, or another attempt runs.
      if (this.#attempts !== attempt || this.stage !== "started") return discard(response);
      this.#response = response;
      this.#error = error;
      this.#context.core.endAttempt(this, response !== undefined);
    };
    this.#notify("started");
    // An observer may have aborted the request.
    if (this.stage !== "started") return;
    const sent = this.#built ? this.#attempt(attempt) : this.#passThrough();
    sent.then(endAttempt, (error: unknown) => endAttempt(undefined, error));
  }

  nextRetryDelay(failure: Failure): number {
    const { retry } = this.#options;
    const attempt = this.#attempts;
    if (failure) {
      this.#error = this.#failureError(failure);
      this.#response = undefined;
      this.#controller?.abort(this.#error);
    }
    // Of the core's failures, only the limit `head` belongs to the attempt, so another attempt may avoid it.
    const isFinal = failure && failure !== Failure.HeadTimeout;
    // A body that can be sent only once is not retried; the caller gets the server's response.
    if (!retry || attempt >= retry.attempts || this.#body.isOneShot || this.#signal?.aborted || isFinal) return NO_RETRY;
    const request = this.#buildRequest();
    const response = this.#response;
    const error = this.#error;
    let delay: number;
    try {
      delay = retryDelay(retry, { request, attempt, error, ...(response && { response }) });
    } catch (error) {
      this.#error = error;
      this.#response = undefined;
      return NO_RETRY;
    }
    // A wait that a limit would cut short is not begun: the outcome at hand is worth more than a timeout later.
    const isInTime = performance.now() + delay < this.#endsAt;
    // The callback `when` may have aborted the request.
    if (!(delay >= 0 && isInTime && this.stage === "started")) return NO_RETRY;
    discard(response);
    this.#notify("waiting", this.#outcome);
    return delay;
  }

  settle(failure: Failure): void {
    // An observer of an abort may close the client, which settles the request again.
    if (!this.#context.requests.has(this)) return;
    // In `started`, the failure came through `nextRetryDelay`, which has recorded it. A failure of the core is not recorded.
    const isRecorded = this.stage === "started" && failure !== Failure.CoreFailed;
    const error = failure && !isRecorded ? this.#failureError(failure) : this.#error;
    if (failure || error !== undefined) return this.#fail(error);
    // A `fetch` of the caller's may return any value, and a hook may have read the body: both make this throw.
    try {
      const response = this.#finishResponse(this.#response as Response);
      this.#leave("head");
      this.#body.reportSent();
      this.#resolve(response);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Returns the response for the caller, or throws if its status is an error. */
  #finishResponse(response: Response): Response {
    const { onDownloadProgress, throwHttpErrors, timeouts } = this.#options;
    const { status, body } = response;
    const controller = this.#controller;
    const signal = this.#signal;
    const sent = this.#sent;
    if (sent && body && (controller || signal)) {
      keepRequest(sent, response);
      if (controller) abortBodyOn(controller, signal, this.#limit, timeouts[this.#limit], this.#endsAt, [response, sent.signal]);
    }
    if (throwHttpErrors && status >= FIRST_ERROR_STATUS) {
      const details = { attempts: this.#attempts, request: this.#buildRequest(), response };
      throw new WaterspoutError("STATUS", `the server answered with status ${status}`, details);
    }
    const isCounted = onDownloadProgress || timeouts.idle;
    const result = isCounted ? countResponse(response, onDownloadProgress, timeouts.idle) : response;
    noteAttempts(result, this.#attempts);
    return result;
  }

  /** Makes the only attempt of a plain call: with the caller's arguments, or with copies if the call was queued. */
  async #passThrough(): Promise<Response> {
    const { fetch } = this.#context;
    const input = this.#input;
    const init = this.#init as RequestInit | undefined;
    return await (init ? fetch(globalThis, input, init) : fetch(globalThis, input));
  }

  /** Makes an attempt. Unless a hook returns a promise, the platform's fetch is called in the same turn. */
  async #attempt(attempt: number): Promise<Response> {
    const { beforeRetry, beforeRequest, afterResponse } = this.#options.hooks;
    if (attempt > 1) {
      this.#sent = undefined;
      this.#built = this.#buildAgain();
      const prepared = beforeRetry?.({ request: this.#buildRequest(), attempt, ...this.#outcome });
      if (prepared) await prepared;
    }
    let request = this.#buildRequest();
    let replacement = beforeRequest?.({ request, attempt });
    if (isPromise(replacement)) replacement = await replacement;
    if (replacement instanceof Request) request = replacement;
    // The signal may have been aborted during a hook, or in the turn in which the slot became free.
    this.#signal?.throwIfAborted();
    const init = platformInit(request, this.#init);
    const { fetch } = this.#context;
    this.#sent = request;
    const response = replacement instanceof Response ? replacement : await (init ? fetch(this.#thisArg, request, init) : fetch(this.#thisArg, request));
    let result = afterResponse?.({ request, attempt, response });
    if (isPromise(result)) result = await result;
    return result ?? response;
  }

  /** Builds the Request of another attempt from the last Request, since hooks may have changed its headers and its body. */
  #buildAgain(): Request {
    const last = this.#buildRequest();
    const { referrer, referrerPolicy } = last;
    const members = { ...this.#body.initMembers(false), signal: this.#newSignal(), referrer, referrerPolicy };
    // Each form has a new boundary, which the platform puts into the content type. Bun keeps the type of the last Request even if the
    // new headers have none.
    if ("body" in members && members.body instanceof FormData) last.headers.delete("content-type");
    const headers = new Headers(last.headers);
    return new Request(last, { ...members, headers });
  }

  #newSignal(): AbortSignal {
    return (this.#controller = new AbortController()).signal;
  }

  /** Handles an abort of the caller's signal. Waits neither for a hook nor for a platform that ignores signals. */
  handleEvent(): void {
    const reason = this.#signal?.reason as unknown;
    this.#fail(reason);
    this.#context.core.cancel(this);
    this.#controller?.abort(reason);
  }

  /** Whether the platform's fetch can get the caller's arguments: no option needs a Request of this package. */
  get #canPassThrough(): boolean {
    const { hooks, throwHttpErrors } = this.#options;
    const signal = this.#signal;
    const isPlatformCall = this.#context.isPlatformFetch && this.#thisArg === globalThis;
    const hasUsualSignal = !signal || (signal instanceof AbortSignal && !signal.aborted);
    return isPlatformCall && !throwHttpErrors && hasUsualSignal && Object.keys({ ...hooks, ...this.#members }).length === 0;
  }

  /** Replaces arguments that pass through by copies: the caller may change a URL or an init while the request waits. */
  #copyArguments(): void {
    if (!this.#plainUrl) return;
    this.#input = this.#plainUrl;
    this.#init = { signal: this.#signal ?? null };
  }

  /** Returns the Request of the present attempt. Builds it at the first call, from copies of the arguments of a plain call. */
  #buildRequest(): Request {
    this.#copyArguments();
    const input = this.#input;
    const init = this.#init;
    const members = this.#members;
    const hasMembers = Object.keys(members).length > 0;
    return (this.#built ??= new Request(input, hasMembers ? initWith(input, init, members) : (init as RequestInit | undefined)));
  }

  get #url(): string {
    return this.#plainUrl ?? this.#buildRequest().url;
  }

  /** The outcome of the last attempt. */
  get #outcome(): Pick<QueueEvent, "status" | "error"> {
    const status = this.#response?.status;
    return status ? { status } : { error: this.#error };
  }

  #failureError(failure: Failure): Error {
    const known = FAILURES[failure];
    if (known) return new WaterspoutError(...known, { attempts: this.#attempts, request: this.#buildRequest() });
    const limit = TIMEOUTS[failure] as keyof AllTimeouts;
    const awaited = this.stage === "started" ? "the response's head" : "a free slot";
    return timeoutError(`waiting for ${awaited}`, limit, this.#options.timeouts[limit]);
  }

  #fail(error: unknown): void {
    // Like the platform's fetch, cancels the body of a Request that was not sent, with the reason.
    if (!this.#sent) this.#built?.body?.cancel(error).catch(() => undefined);
    this.#leave(this.#signal?.aborted ? "cancelled" : "failed", { error });
    noteAttempts(error, this.#attempts);
    this.#reject(error);
    ignoreErrors(() => this.#options.hooks.onError?.({ request: this.#buildRequest(), attempt: this.#attempts, error }));
  }

  /** Removes the request from its client. */
  #leave(stage: Stage, outcome?: Pick<QueueEvent, "error">): void {
    offAbort(this.#signal, this);
    this.#context.requests.delete(this);
    this.#notify(stage, outcome);
  }

  /** Sets the stage and calls the observers. */
  #notify(stage: Stage, outcome?: Pick<QueueEvent, "status" | "error">): void {
    this.stage = stage;
    for (const observer of this.#context.observers) {
      const event = { id: this.#number, stage, url: this.#url, origin: this.origin, priority: this.#options.priority, at: performance.now() };
      ignoreErrors(() => observer({ ...event, ...outcome }));
    }
  }
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as Partial<Promise<unknown>> | null | undefined)?.then === "function";
}

/** Cancels the body of a response that the caller does not get. */
function discard(response: Response | undefined): void {
  ignoreErrors(() => response?.bodyUsed || response?.body?.cancel());
}
