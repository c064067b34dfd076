/** A request of a client, from the call to the end of its response's body. */
import { offAbort, onAbort, untilAborted, type AbortListener } from "./abort.js";
import { FetchArguments, resolveUrl, type Sender } from "./arguments.js";
import { now, Timer } from "./clock.js";
import { sharedController, type ClientContext } from "./context.js";
import { Answer, onCollected, type Waiter } from "./core.js";
import {
  callSite,
  ignoreErrors,
  noteAttempts,
  timeoutError,
  WaterspoutError,
  withCallSite,
  type ErrorCode,
  type WaterspoutErrorOptions,
} from "./errors.js";
import { documentBase, isPromise, isRequest } from "./init.js";
import { Limits, type Limit } from "./limits.js";
import { DEFAULTS, type Options } from "./options.js";
import { discard, FAILURES, outcomeOf, type Outcome } from "./outcome.js";
import { countResponse } from "./progress.js";
import { hasBody, keepRequest, readData, watchBody, type BodyWatcher } from "./response.js";
import { NO_RETRY, retryDelay } from "./retry.js";
import type { AfterResponseContext, AnotherAttempt, HookContext, QueueEvent, WaterspoutInit } from "./types.js";

type Stage = QueueEvent["stage"];

const { hooks: NO_HOOKS, timeouts: NO_LIMITS } = DEFAULTS;

/** The lowest status of an error. */
const FIRST_ERROR_STATUS = 400;

/** The number of attempts that the hook `afterResponse` may ask for if `retry` is not set. */
const DEFAULT_ATTEMPTS = 3;

/** The longest time for the body of a status error, in milliseconds. */
const DATA_TIMEOUT = 5000;

/** The longest time for which a response holds its slot although its body is not being read, in milliseconds. */
const UNREAD_TIME = 1000;

/** The least time between two checks of all limits, in milliseconds. */
const CHECK_INTERVAL = 10;

export class ClientRequest implements Waiter, AbortListener {
  place: Waiter["place"];
  readonly #context: ClientContext;
  readonly #options: Options;
  /** The caller's signal. */
  readonly #signal: AbortSignal | undefined;
  /** Undefined once the caller has the response: from then on nothing here may keep the Request alive. */
  #arguments: FetchArguments;
  readonly #limits: Limits;
  readonly #number: number;
  #resolve: ((response: Response) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  /** Aborts the present attempt. */
  #controller: AbortController;
  /** Whether other requests have the same controller. */
  readonly #isShared: boolean;
  /** Aborts what the hooks send. */
  #hookController: AbortController | undefined;
  #attempts = 0;
  #origin: string | undefined;
  /** Ends the wait for a slot. */
  #answer: ((answer: Answer) => void) | undefined;
  /** The end of a wait that came before the request waited. */
  #early: Answer | undefined;
  /** Whether an attempt was begun in the present slot. */
  #isUsed = false;
  /** Whether the body is read by a function that reports the end. */
  #hasReader = false;
  /** Whether the Request of the next attempt was built. */
  #isPrepared = false;
  /** Whether the body of a status error is being read. */
  #isReadingData = false;
  /** Whether the present attempt was sent. */
  #isSent = false;
  /** The wait before another attempt, or for the begin of the reading. */
  #pause: Timer | undefined;
  /** Calls the hooks `onError`. */
  #onError: ((error: [unknown]) => void) | undefined;
  /** The place of the call in the caller's code. */
  #callSite: Error | undefined;
  /** Why the body has failed, unless the caller has aborted it. Engines replace some of these errors by their own. */
  #bodyFailure: { readonly error: unknown } | undefined;
  /** The last step that the observers got. */
  stage: Stage | undefined;

  constructor(
    context: ClientContext,
    options: Options,
    thisArg: unknown,
    input: RequestInfo | URL,
    init: WaterspoutInit | undefined,
    resolve: (response: Response) => void,
    reject: (error: unknown) => void,
  ) {
    this.#context = context;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#number = ++context.requestCount;
    const { hooks, retry, throwHttpErrors, timeouts } = options;
    // Only a request that may end by itself needs a controller of its own, which takes the engine longer than the rest of a request.
    this.#isShared = !(throwHttpErrors || retry || hooks !== NO_HOOKS || timeouts !== NO_LIMITS || init?.signal || typeof input === "object");
    this.#controller = this.#isShared ? sharedController(context) : new AbortController();
    const isOwnFetch = !!options.fetch || (!!options.fallback && !context.core.isSupported);
    this.#arguments = new FetchArguments(options, isOwnFetch, thisArg, input, init, this.#controller.signal);
    this.#signal = this.#arguments.signal;
    if (throwHttpErrors) this.#callSite = callSite();
    this.#limits = new Limits(timeouts, (limit) => this.#limitPassed(limit));
    this.#limits.start("total");
    const { onError } = options.hooks;
    // The hooks run in the async context of the call.
    const callHooks = (error: unknown): void => onError.forEach((hook) => void ignoreErrors(() => hook({ ...this.#hookContext(), error })));
    // In an array, because a promise would look for a method `then` in the error.
    if (onError.length > 0) void new Promise<[unknown]>((resolve) => (this.#onError = resolve)).then(([error]) => callHooks(error));
    context.requests.add(this);
    void this.#run();
  }

  /** The origin of the URL. It is empty for a relative URL that only a `fetch` of the caller's own knows. */
  get origin(): string {
    if (this.#origin === undefined) {
      const { url } = this.#arguments;
      this.#origin = URL.canParse(url, documentBase()) ? new URL(url, documentBase()).origin : "";
    }
    return this.#origin;
  }

  /** Makes attempts until one of them is final. Each step continues in the async context of the call. */
  async #run(): Promise<void> {
    try {
      onAbort(this.#signal, this);
      this.#signal?.throwIfAborted();
      // The request may have ended in the turn in which its pause was over.
      while (!this.#isSettled) {
        // 1. Wait for a slot.
        const answer = this.#acquire();
        if (answer === Answer.Wait) await this.#waitForSlot();
        if (this.#isSettled) return;

        // 2. Make an attempt. If the slot was free, the platform's fetch is called within the caller's call.
        const outcome = await (this.#options.timeouts.head ? this.#attemptWithinLimit() : this.#attempt());
        if (this.#isSettled) return discard(outcome.response);

        // 3. Decide whether another attempt follows.
        const delay = this.#mayRepeat(outcome) ? await this.#nextDelay(outcome) : NO_RETRY;
        if (this.#isSettled) return discard(outcome.response);
        if (delay === NO_RETRY) return await this.#finish(outcome);

        // 4. Give the slot back and wait: the queue must not wait for a server that asked for a pause.
        discard(outcome.response);
        this.#context.core.release(this, true);
        this.#notify("waiting", outcomeOf(outcome));
        if (this.#isSettled) return;
        await new Promise<void>((resolve) => (this.#pause = new Timer(delay, resolve)));
      }
    } catch (error) {
      this.#stop(error);
    }
  }

  /** Takes a slot, or joins the queue. */
  #acquire(): Answer {
    const { core, hasOriginLimits, requests } = this.#context;
    const { fallback, priority } = this.#options;
    if (fallback && !core.isSupported) return Answer.Slot;
    this.#isUsed = false;
    const acquire = (): Answer => core.acquire(this, hasOriginLimits ? this.origin : "", priority, this.#attempts > 0);
    // The timers of a context that has died never fire, for example in workerd. Its requests must not keep their places.
    const endOverdue = (): void => requests.forEach((request) => request.#limits.check());
    let answer = acquire();
    if (answer === Answer.QueueFull) {
      endOverdue();
      // A listener or an observer of a request that was overdue may have ended this request.
      if (this.#isSettled) return answer;
      answer = acquire();
    }
    if (answer === Answer.Wait) {
      this.#arguments.fixUrl();
      this.#limits.start("queue");
      const time = now();
      if (time - this.#context.checkedAt >= CHECK_INTERVAL) {
        this.#context.checkedAt = time;
        endOverdue();
      }
      if (!this.#isSettled) this.#notify("queued");
    } else if (answer !== Answer.Slot) {
      this.#callSite ??= callSite();
      this.#stop(this.#failureError(answer));
    }
    return answer;
  }

  /** Waits for a slot. */
  async #waitForSlot(): Promise<void> {
    // The slot may have been given during the call of an observer.
    const answer = this.#early ?? (await new Promise<Answer>((resolve) => (this.#answer = resolve)));
    this.#early = this.#answer = undefined;
    this.#limits.stop("queue");
    if (answer !== Answer.Slot) this.#stop(this.#failureError(answer));
  }

  answered(answer: Answer): void {
    if (this.#answer) this.#answer(answer);
    else this.#early = answer;
  }

  /** Makes an attempt, which ends when the limit `head` passes even if a hook or the platform does not heed the signal. */
  async #attemptWithinLimit(): Promise<Outcome> {
    const { signal } = this.#controller;
    const attempt = this.#attempt();
    try {
      return await untilAborted(attempt, signal);
    } catch (error) {
      void attempt.then(({ response }) => discard(response));
      return { error };
    } finally {
      this.#limits.stop("head");
    }
  }

  /** Makes an attempt. Does not throw. */
  async #attempt(): Promise<Outcome> {
    this.#isUsed = true;
    if (++this.#attempts === 1) this.#limits.start("request");
    this.#limits.start("head");
    this.#notify("started");
    try {
      // An observer may have aborted the request.
      return this.#isSettled ? {} : await this.#send();
    } catch (error) {
      return { error };
    }
  }

  /** Calls the hooks and sends the request. Unless a hook returns a promise, the platform's fetch is called in the same turn. */
  async #send(): Promise<Outcome> {
    const call = this.#arguments;
    const { hooks } = this.#options;
    const { signal } = this.#controller;
    this.#isSent = false;
    if (!this.#isPrepared && (this.#attempts > 1 || call.body.isMadeAnew)) {
      const preparing = call.prepare(signal);
      if (preparing) await preparing;
    }
    this.#isPrepared = false;
    let replacement: Request | undefined;
    let response: Response | undefined;
    for (const hook of hooks.beforeRequest) {
      let result = hook(this.#hookContext(replacement));
      if (isPromise(result)) result = await result;
      // The attempt may have ended during the hook.
      signal.throwIfAborted();
      if (isRequest(result)) {
        replacement = result;
      } else if (result) {
        response = result;
        break;
      }
    }
    // The signal may have been aborted in the turn in which the slot became free.
    this.#signal?.throwIfAborted();
    this.#isSent = true;
    response ??= await call.send(this.#sender, signal, replacement);
    for (const hook of hooks.afterResponse) {
      // A function that ignores the signal answers after the end of the attempt.
      if (signal.aborted) break;
      let asked: AnotherAttempt | undefined;
      const retry: AfterResponseContext["retry"] = ({ request, delay = 0 } = {}) => (asked = { request, delay });
      let result = hook({ ...this.#hookContext(replacement), response, retry });
      if (isPromise(result)) result = await result;
      if (asked && result === asked) return { response, asked };
      if (result) response = result as Response;
    }
    return { response };
  }

  #mayRepeat({ asked, response }: Outcome): boolean {
    const { retry } = this.#options;
    if (this.#attempts >= (retry?.attempts ?? DEFAULT_ATTEMPTS)) return false;
    return !!asked || (!!retry && (!response || !!retry.when || retry.statusCodes.includes(response.status)));
  }

  /** Returns the milliseconds until the next attempt, or `NO_RETRY`. */
  async #nextDelay(outcome: Outcome): Promise<number> {
    const { retry, hooks } = this.#options;
    const call = this.#arguments;
    const { asked, response, error } = outcome;
    const context = {
      get request(): Request {
        return call.request;
      },
      attempt: this.#attempts,
      ...(response ? { response } : { error }),
    };
    const delay = asked ? asked.delay : await retryDelay(retry as NonNullable<typeof retry>, call.method, context);
    // A wait that a limit would cut short is not begun: the outcome at hand is worth more than a timeout later.
    if (!(delay >= 0) || this.#signal?.aborted || now() + delay >= this.#limits.next.at) return NO_RETRY;
    const reason = asked?.request ? undefined : await call.whyOneShot();
    if (reason && "error" in outcome) {
      throw this.#error("BODY_NOT_REPLAYABLE", `the request failed and was not sent again: its body ${reason}`, { cause: outcome.error });
    }
    if (reason) return NO_RETRY;
    if (asked?.request) call.replace(asked.request);
    // Until another attempt is certain, an abort must reach the outcome at hand.
    const controller = new AbortController();
    if (hooks.beforeRetry.length > 0) {
      // The hooks get a Request whose body is unused.
      await call.prepare(controller.signal);
      this.#isPrepared = true;
    }
    for (const hook of hooks.beforeRetry) {
      const details = { ...outcomeOf(outcome), response, delay, attempt: this.#attempts + 1 };
      const result = await hook({ ...this.#hookContext(this.#isPrepared ? undefined : call.base), ...details });
      if (result === false) return NO_RETRY;
      if (!isRequest(result)) continue;
      call.replace(result);
      this.#isPrepared = false;
    }
    this.#controller = controller;
    return delay;
  }

  /** Settles the promise with the outcome of the last attempt. */
  async #finish(outcome: Outcome): Promise<void> {
    if ("error" in outcome) return this.#fail(outcome.error);
    const { onDownloadProgress, slot, throwHttpErrors, timeouts } = this.#options;
    const response = outcome.response as Response;
    // A `fetch` of the caller's may return any value, and a hook may have read the body: both make this throw.
    const { status } = response;
    if (throwHttpErrors && status >= FIRST_ERROR_STATUS) {
      const controller = this.#controller;
      const timer = new Timer(DATA_TIMEOUT, () => controller.abort());
      this.#isReadingData = true;
      const hasData = hasBody(response, this.#arguments.method);
      const data = hasData ? await readData(response, controller.signal) : undefined;
      timer.cancel();
      if (this.#isSettled) return;
      const error = this.#error("STATUS", `the server answered with status ${status}`, { response, data });
      // The request of an attempt that has ended can be sent again.
      return hasData && data === undefined ? this.#stop(error) : this.#fail(error);
    }
    const isCounted = onDownloadProgress || timeouts.idle;
    const onError = (error: unknown): unknown => {
      // In Firefox, a body that is cancelled keeps its connection until its next piece. An abort closes the connection.
      this.#bodyFailure ??= { error };
      this.#stop(error);
      return error;
    };
    const canRead = hasBody(response, this.#arguments.method);
    const result = isCounted && canRead ? countResponse(response, onDownloadProgress, timeouts.idle, onError) : response;
    noteAttempts(result, this.#attempts);
    const resolve = this.#resolve;
    const isOpaque = response.type === "opaque";
    const isReadable = isOpaque || canRead;
    if (!isReadable) this.#end();
    else if (slot !== "body") this.#leave();
    this.#settle("head");
    this.#arguments.body.reportSent();
    try {
      if (isReadable) this.#watch(response, result, isOpaque);
    } catch {
      // A `fetch` of the caller's own may return an object whose members throw, or that accepts no further members.
      this.#leave();
    }
    // Statistics count a request by its origin until it leaves its client.
    if (this.#context.requests.has(this)) void this.origin;
    this.#arguments = undefined as never;
    resolve?.(result);
  }

  /** Watches the body of `result` until it ends. `response` is the sender's, and `result` is given to the caller. */
  #watch(response: Response, result: Response, isOpaque: boolean): void {
    const { sentRequest } = this.#arguments;
    // The bytes of an opaque response are out of reach, so its end cannot be seen.
    const holdsSlot = this.#options.slot === "body" && !isOpaque;
    const isCounted = result !== response;
    const isLimited = this.#limits.isRunning;
    if (!isLimited) this.#limits.clear();
    if (!isOpaque && !this.#hasReader && (holdsSlot || isLimited || isCounted || (this.#signal && !sentRequest))) {
      const onRead = (): void => this.#pause?.cancel();
      const { signal } = this.#controller;
      const readWhole: BodyWatcher["readWhole"] = (response, read) => this.readWhole(response, read);
      watchBody(result, { signal, onRead, onError: (error) => this.#bodyError(error), onEnd: () => this.#end(), readWhole });
    }
    if (!(holdsSlot || isLimited || this.#signal)) return this.#end();
    if (!holdsSlot) this.#leave();
    this.#limits.unref();
    if (sentRequest) keepRequest(sentRequest, response);
    // Collected objects are not read any more. While only the platform reads the body, an engine keeps the signal of the Request alive.
    onCollected([result, ...(sentRequest ? [sentRequest.signal] : [])], this, (request) => request.#end());
    if (holdsSlot && !this.#hasReader) {
      this.#pause = new Timer(UNREAD_TIME, () => this.#leave());
      this.#pause.unref();
    }
  }

  /** Reads the whole body with `read`. The read ends with the request, even if the body ignores the signal. */
  async readWhole<Value>(response: Response | Promise<Response>, read: (response: Response) => Promise<Value>): Promise<Value> {
    let wasUsed = false;
    try {
      if (response instanceof Promise) {
        this.#hasReader = true;
        response = await response;
      }
      wasUsed = response.bodyUsed;
      return await untilAborted(read(response), this.#controller.signal);
    } catch (error) {
      throw wasUsed ? error : this.#bodyError(error);
    } finally {
      // A body that was read before has an end of its own. The response is kept alive until here: a collected response is not watched.
      if (response && !wasUsed) this.#end();
    }
  }

  /** Handles an abort of the caller's signal. Waits neither for a hook nor for a platform that ignores signals. */
  handleEvent(): void {
    let reason: unknown;
    try {
      reason = this.#signal?.reason;
    } catch (error) {
      // The members of a signal may throw.
      reason = error;
    }
    this.#stop(reason);
  }

  /** Ends the request because its client is closed. */
  close(): void {
    this.#stop(this.#failureError(Answer.Closed), true);
  }

  #limitPassed(limit: Limit): void {
    const activity = this.#isSettled ? "reading the body" : `waiting for ${this.stage === "started" ? "the response's head" : "a free slot"}`;
    const error = timeoutError(activity, limit, this.#options.timeouts[limit]);
    // The status is worth more than a timeout.
    if (this.#isReadingData) return this.#controller.abort(error);
    if (limit !== "head") return this.#stop(error);
    // Another attempt may follow.
    this.#limits.stop("head");
    this.#controller.abort(error);
  }

  /** Returns the error for the reader of a body that has failed with `error`. */
  #bodyError(error: unknown): unknown {
    return (this.#bodyFailure ?? { error }).error;
  }

  /** Rejects the promise, or fails the body that the caller reads. Aborts the attempt. */
  #stop(error: unknown, isClosed = false): void {
    // A caller's abort has the error that the platform gives it.
    if (this.#isSettled && !this.#isAborted) this.#bodyFailure ??= { error };
    this.#fail(error);
    // A listener of the caller's may throw.
    if (!this.#isShared || isClosed) ignoreErrors(() => this.#controller.abort(error));
  }

  /** Rejects the promise, or ends the wait for the end of the body. An attempt that has ended is not aborted: Chromium would cancel its body. */
  #fail(error: unknown): void {
    const reject = this.#reject;
    if (reject) {
      // Like the platform's fetch, cancels the body of a Request that was not sent, with the reason.
      if (!this.#isSent) ignoreErrors(() => this.#arguments.cancelBody(error));
      this.#context.requests.delete(this);
      this.#settle(this.#isAborted ? "cancelled" : "failed", { error });
      noteAttempts(error, this.#attempts);
      this.#onError?.([error]);
      reject(error);
    }
    this.#end();
    // A listener of the caller's may throw.
    ignoreErrors(() => this.#hookController?.abort(error));
  }

  /** Marks the promise as settled. */
  #settle(stage: Stage, outcome?: Pick<QueueEvent, "error">): void {
    // These functions keep the promise alive, and with it the response.
    this.#resolve = this.#reject = undefined;
    this.#notify(stage, outcome);
  }

  get #isAborted(): boolean {
    try {
      return !!this.#signal?.aborted;
    } catch {
      // The members of a signal may throw.
      return false;
    }
  }

  get #isSettled(): boolean {
    return !this.#reject;
  }

  /** Gives the slot back, and removes the request from its client. */
  #leave(): void {
    const { core, requests, onIdle } = this.#context;
    core.release(this, this.#isUsed);
    requests.delete(this);
    if (requests.size > 0) return;
    for (const resolve of onIdle) resolve();
    onIdle.clear();
  }

  /** Ends all that waits for the request or its body. */
  #end(): void {
    this.#limits.clear();
    this.#pause?.cancel();
    const signal = this.#signal;
    // The members of a signal may throw.
    if (signal) ignoreErrors(() => offAbort(signal, this));
    this.#leave();
  }

  get #sender(): Sender {
    const { fetch, fallback } = this.#options;
    const own = fallback && !this.#context.core.isSupported ? fallback : fetch;
    return own ? (thisArg, ...call) => own.apply(thisArg, call) : this.#context.platformFetch;
  }

  #hookContext(request?: Request): HookContext {
    // A hook `onError` sends after the end.
    const hasEnded = this.#isSettled;
    const fetch: HookContext["fetch"] = async (input, init) => {
      const controller = hasEnded ? new AbortController() : (this.#hookController ??= new AbortController());
      if (this.#isSettled && !hasEnded) controller.abort();
      const { signal: given } = init ?? {};
      const signal = given ? AbortSignal.any([controller.signal, given]) : controller.signal;
      return this.#sender(globalThis, typeof input === "string" ? resolveUrl(input, this.#options) : input, { ...init, signal });
    };
    return { request: request ?? (this.#request as Request), attempt: this.#attempts, fetch };
  }

  #failureError(answer: Answer): WaterspoutError {
    const [code, message] = FAILURES[answer] as (typeof FAILURES)[number];
    return this.#error(code, message);
  }

  /** Returns an error about this request, with the place of the call in its stack. */
  #error(code: ErrorCode, message: string, details?: WaterspoutErrorOptions): WaterspoutError {
    return withCallSite(new WaterspoutError(code, message, { attempts: this.#attempts, request: this.#request, ...details }), this.#callSite);
  }

  /** The Request of the present attempt. Undefined if only a `fetch` of the caller's own knows the URL. */
  get #request(): Request | undefined {
    try {
      return this.#arguments.request;
    } catch {
      return undefined;
    }
  }

  /** Sets the stage and calls the observers. */
  #notify(stage: Stage, outcome?: Pick<QueueEvent, "status" | "error">): void {
    this.stage = stage;
    for (const observer of this.#context.observers) {
      const { url } = this.#arguments;
      const event = { id: this.#number, stage, url, origin: this.origin, priority: this.#options.priority, at: performance.now() };
      ignoreErrors(() => observer({ ...event, ...outcome }));
    }
  }
}
