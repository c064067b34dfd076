/** A request of a client, from the call to the end of its response's body. */
import { isAborted, offAbort, onAbort, reasonOf, untilAborted, type AbortListener } from "./abort.js";
import { FetchArguments } from "./arguments.js";
import { discard, outcomeOf, sendWithHooks, type Outcome } from "./attempt.js";
import { BodyWatch, type BodyOwner } from "./body-watch.js";
import { now, Timer } from "./clock.js";
import { sharedController, type ClientContext } from "./context.js";
import { Answer } from "./core.js";
import { ignoreErrors, noteAttempts, timeoutError } from "./errors.js";
import { HookSender } from "./hook-sender.js";
import { Limits, type Limit } from "./limits.js";
import { DEFAULTS, type Options } from "./options.js";
import { countResponse } from "./progress.js";
import { RequestReport, type Stage, type StepOutcome } from "./report.js";
import { requestOf, RequestErrors } from "./request-errors.js";
import { hasBody } from "./response.js";
import { mayRepeat, repeatDelay } from "./repeat.js";
import { NO_RETRY } from "./retry.js";
import { Slot } from "./slot.js";
import { readData } from "./status-data.js";
import type { AnotherAttempt, HookContext, WaterspoutInit } from "./types.js";

const { hooks: NO_HOOKS, timeouts: NO_LIMITS } = DEFAULTS;

/** The lowest status of an error. */
const FIRST_ERROR_STATUS = 400;

/** The least time between two checks of all limits, in milliseconds. */
const CHECK_INTERVAL = 10;

export class ClientRequest implements AbortListener, BodyOwner {
  readonly #context: ClientContext;
  readonly #options: Options;
  /** The caller's signal. */
  readonly signal: AbortSignal | undefined;
  /** Undefined once the caller has the response: from then on nothing here may keep the Request alive. */
  #arguments: FetchArguments;
  /** Undefined if the request has no limits. */
  readonly limits: Limits | undefined;
  readonly #slot: Slot;
  readonly report: RequestReport;
  #resolve: ((response: Response) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  /** Aborts the present attempt. */
  #controller: AbortController;
  /** Whether other requests have the same controller. */
  #isShared: boolean;
  readonly #errors = new RequestErrors();
  /** Undefined if the request has no hooks. */
  readonly #hooks: HookSender | undefined;
  #attempts = 0;
  /** Watches the response's body, once there is something to watch. */
  #watch: BodyWatch | undefined;
  /** Whether the body of a status error is being read. */
  #isReadingData = false;
  /** Whether the present attempt was sent. */
  #isSent = false;
  /** What a hook of the present attempt asks for. */
  #asked: AnotherAttempt | undefined;
  /** The wait before another attempt. */
  #pause: Timer | undefined;

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
    const { hooks, throwHttpErrors, timeouts } = options;
    // Only a request that may end by itself needs a controller of its own, which takes the engine longer than the rest of a request.
    this.#isShared = !(throwHttpErrors || hooks !== NO_HOOKS || timeouts !== NO_LIMITS || init?.signal || typeof input === "object");
    this.#controller = this.#isShared ? sharedController(context) : new AbortController();
    const own = options.fallback && !context.core.isSupported ? options.fallback : options.fetch;
    this.#arguments = new FetchArguments(options, own, context.platformFetch, thisArg, input, init, this.#controller.signal);
    this.report = new RequestReport(context, options.priority, this.#arguments);
    this.signal = this.#arguments.signal;
    if (throwHttpErrors) this.#errors.recordCall();
    this.#slot = new Slot(context.core);
    if (timeouts !== NO_LIMITS) {
      this.limits = new Limits(timeouts, (limit) => this.#limitPassed(limit));
      this.limits.start("total");
    }
    if (hooks !== NO_HOOKS) this.#hooks = new HookSender(options, this.#arguments.sender, () => this.#hookContext());
    context.requests.add(this);
    void this.#run();
  }

  #hookContext(request?: Request): HookContext {
    return (this.#hooks as HookSender).context(request ?? requestOf(this.#arguments), this.#attempts);
  }

  /** Makes attempts until an attempt is final. Each step continues in the async context of the call. */
  async #run(): Promise<void> {
    const { timeouts } = this.#options;
    try {
      onAbort(this.signal, this);
      this.signal?.throwIfAborted();
      // The request may have ended in the turn in which its pause was over.
      while (!this.#isSettled) {
        // 1. Wait for a slot.
        const answer = this.#acquire() === Answer.Wait ? await this.#slot.answer : Answer.Slot;
        this.limits?.stop("queue");
        if (answer !== Answer.Slot) this.#stop(this.#answerError(answer));
        if (this.#isSettled) return;

        // 2. Make an attempt. If the slot was free, the platform's fetch is called within the caller's call. A request without hooks
        // waits for the platform's promise alone: each further promise takes longer than all other steps.
        let sent: Response | Promise<Response> | undefined;
        let outcome: Outcome;
        try {
          this.#begin();
          // An observer may have aborted the request.
          if (this.#isSettled) return;
          const mustPrepare = this.#attempts > 1 || this.#arguments.body.isMadeAnew;
          sent = mustPrepare || this.#hooks ? this.#prepareAndSend(mustPrepare) : this.#transmit();
          // The limit `head` ends an attempt even if a hook or the platform does not heed the signal.
          const response = await (timeouts.head ? untilAborted(sent, this.#controller.signal) : sent);
          outcome = { response, asked: this.#asked };
        } catch (error) {
          outcome = { error };
          if (timeouts.head) void Promise.resolve(sent).then(discard, () => undefined);
        }
        this.limits?.stop("head");
        if (this.#isSettled) return discard(outcome.response);

        // 3. Decide whether another attempt follows.
        const delay = mayRepeat(outcome, this.#options.retry, this.#attempts) ? await this.#nextDelay(outcome) : NO_RETRY;
        if (this.#isSettled) return discard(outcome.response);
        if (delay === NO_RETRY) {
          const reading = this.#finish(outcome);
          return reading && (await reading);
        }

        // 4. Give the slot back and wait: the queue must not wait for a server that asked for a pause.
        discard(outcome.response);
        this.#slot.release();
        this.report.notify("waiting", outcomeOf(outcome));
        if (this.#isSettled) return;
        await new Promise<void>((resolve) => (this.#pause = new Timer(delay, resolve)));
      }
    } catch (error) {
      this.#stop(error);
    }
  }

  /** Takes a slot, or joins the queue. */
  #acquire(): Answer {
    const context = this.#context;
    const { fallback, priority } = this.#options;
    if (fallback && !context.core.isSupported) return Answer.Slot;
    const origin = context.hasOriginLimits ? this.report.origin : "";
    let answer = this.#slot.acquire(origin, priority, this.#attempts > 0);
    if (answer === Answer.QueueFull) {
      this.#endOverdue();
      // A listener or an observer of a request that was overdue may have ended this request.
      if (this.#isSettled) return answer;
      answer = this.#slot.acquire(origin, priority, this.#attempts > 0);
    }
    if (answer === Answer.Wait) {
      this.#arguments.fixUrl();
      this.limits?.start("queue");
      const { since } = this.#slot;
      if (since - context.checkedAt >= CHECK_INTERVAL) {
        context.checkedAt = since;
        this.#endOverdue();
      }
      if (!this.#isSettled) this.report.notify("queued");
    } else if (answer !== Answer.Slot) {
      this.#errors.recordCall();
      this.#stop(this.#answerError(answer));
    }
    return answer;
  }

  /** Ends the requests whose limits have passed. The timers of a context that has died never fire, for example in workerd. */
  #endOverdue(): void {
    this.#context.requests.forEach((request) => request.limits?.check());
  }

  /** Begins an attempt. */
  #begin(): void {
    this.#slot.isUsed = true;
    this.#isSent = false;
    this.#asked = undefined;
    if (++this.#attempts === 1) this.limits?.start("request");
    this.limits?.start("head");
    this.report.notify("started");
  }

  /** Prepares the Request if the platform cannot send it as it is, and sends it, with the hooks around it. */
  async #prepareAndSend(mustPrepare: boolean): Promise<Response> {
    const { signal } = this.#controller;
    const preparing = mustPrepare && this.#arguments.prepare(signal);
    if (preparing) await preparing;
    return sendWithHooks(this.#options.hooks, {
      signal,
      context: (request) => this.#hookContext(request),
      send: (response, replacement) => this.#transmit(response, replacement),
      ask: (asked) => (this.#asked = asked),
    });
  }

  /** Sends the Request to the platform, or the Request of a hook in its place. If a hook has a response, nothing is sent. */
  #transmit(response?: Response, replacement?: Request): Promise<Response> | Response {
    // The signal may have been aborted in the turn in which the slot became free.
    this.signal?.throwIfAborted();
    this.#isSent = true;
    return response ?? this.#arguments.send(this.#controller.signal, replacement);
  }

  /** Returns the milliseconds until the next attempt, or `NO_RETRY`. */
  async #nextDelay(outcome: Outcome): Promise<number> {
    // Until another attempt is certain, an abort must reach the outcome at hand.
    const controller = new AbortController();
    const delay = await repeatDelay(outcome, {
      options: this.#options,
      call: this.#arguments,
      attempt: this.#attempts,
      errors: this.#errors,
      nextSignal: controller.signal,
      // A wait that a limit would cut short is not begun: the outcome at hand is worth more than a timeout later.
      isPossible: (delay) => !isAborted(this.signal) && now() + delay < (this.limits?.next.at ?? Infinity),
      context: (request) => this.#hookContext(request),
    });
    if (delay !== NO_RETRY && !this.#isSettled) {
      this.#controller = controller;
      this.#isShared = false;
    }
    return delay;
  }

  /** Settles the promise with the outcome of the last attempt. Returns a promise if it reads a body first. */
  #finish(outcome: Outcome): void | Promise<void> {
    if ("error" in outcome) return this.#fail(outcome.error);
    const { onDownloadProgress, slot, throwHttpErrors, timeouts } = this.#options;
    const response = outcome.response as Response;
    // A `fetch` of the caller's may return any value, and a hook may have read the body: both make this throw.
    const { status } = response;
    this.report.status = status;
    if (throwHttpErrors && status >= FIRST_ERROR_STATUS) return this.#failStatus(response, status);
    const isCounted = onDownloadProgress || timeouts.idle;
    const isObserved = this.report.expectEnd(response);
    // Without these, the request ends at the head.
    const mayWatch = isCounted || slot === "body" || this.limits || this.signal || this.#watch;
    const canRead = isObserved || (!!mayWatch && hasBody(response, this.#arguments.method));
    const result = isCounted && canRead ? countResponse(response, onDownloadProgress, timeouts.idle, (error) => this.#failBody(error)) : response;
    noteAttempts(result, this.#attempts);
    const resolve = this.#resolve;
    const isReadable = canRead || (!!mayWatch && response.type === "opaque");
    if (!isReadable) this.end("done");
    else if (slot !== "body") this.leave();
    this.#settle("head");
    this.#arguments.body.reportSent();
    if (isReadable) this.#watchBody(response, result, isObserved);
    if (!isObserved) this.report.end("done");
    this.report.forget(this.#context.requests.has(this));
    this.#arguments = undefined as never;
    resolve?.(result);
  }

  /** Rejects the promise because of a status. The error has the response's body. */
  async #failStatus(response: Response, status: number): Promise<void> {
    this.#isReadingData = true;
    const hasData = hasBody(response, this.#arguments.method);
    const data = hasData ? await readData(response, this.#controller) : undefined;
    if (this.#isSettled) return;
    const error = this.#errors.of("STATUS", `the server answered with status ${status}`, this.#attempts, this.#arguments, { response, data });
    // The request of an attempt that has ended can be sent again.
    if (hasData && data === undefined) this.#stop(error);
    else this.#fail(error);
  }

  /** Handles an error of a counted body. In Firefox, a cancelled body keeps its connection until its next piece. An abort closes it. */
  #failBody(error: unknown): unknown {
    this.#bodyWatch.fail(error);
    this.#stop(error);
    return error;
  }

  #watchBody(response: Response, result: Response, isObserved: boolean): void {
    const { signal } = this.#controller;
    const request = this.#arguments.sentRequest;
    const report = isObserved ? this.report : undefined;
    try {
      this.#bodyWatch.start({ response, result, request, signal, holdsSlot: this.#options.slot === "body", report });
    } catch {
      // A `fetch` of the caller's own may return an object whose members throw, or that accepts no further members.
      this.leave();
      this.report.end("done");
    }
  }

  get #bodyWatch(): BodyWatch {
    return (this.#watch ??= new BodyWatch(this));
  }

  /** Returns the watch of the response's body, for a function that reads the whole body itself. */
  expectReader(): BodyWatch {
    const watch = this.#bodyWatch;
    watch.hasReader = true;
    // Before the response has come, another attempt may follow, with another signal.
    if (this.#isSettled) watch.signal ??= this.#controller.signal;
    return watch;
  }

  /** Handles an abort of the caller's signal. Waits neither for a hook nor for a platform that ignores signals. */
  handleEvent(): void {
    this.#stop(reasonOf(this.signal));
  }

  /** Ends the request because its client is closed. */
  close(): void {
    this.#stop(this.#answerError(Answer.Closed), true);
  }

  #answerError(answer: Answer): Error {
    return this.#errors.ofAnswer(answer, this.#attempts, this.#arguments);
  }

  #limitPassed(limit: Limit): void {
    const activity = this.#isSettled ? "reading the body" : `waiting for ${this.report.stage === "started" ? "the response's head" : "a free slot"}`;
    const error = timeoutError(activity, limit, this.#options.timeouts[limit]);
    // Another attempt may follow, and a status is worth more than a timeout.
    if (limit !== "head" && !this.#isReadingData) return this.#stop(error);
    this.limits?.stop("head");
    this.#controller.abort(error);
  }

  /** Rejects the promise, or fails the body that the caller reads. Aborts the attempt. */
  #stop(error: unknown, isClosed = false): void {
    // A caller's abort has the error that the platform gives it.
    if (this.#isSettled && !isAborted(this.signal)) this.#watch?.fail(error);
    this.#fail(error);
    // A listener of the caller's may throw.
    if (this.#isShared && !isClosed) return;
    ignoreErrors(() => this.#controller.abort(error));
    this.#watch?.abort();
  }

  /** Rejects the promise, or ends the wait for the end of the body. An attempt that has ended is not aborted: Chromium would cancel its body. */
  #fail(error: unknown): void {
    const stage = isAborted(this.signal) ? "cancelled" : "failed";
    const reject = this.#reject;
    if (reject) {
      // Like the platform's fetch, cancels the body of a Request that was not sent, with the reason.
      if (!this.#isSent) ignoreErrors(() => this.#arguments.cancelBody(error));
      this.leave();
      this.#settle(stage, { error });
      noteAttempts(error, this.#attempts);
      this.#hooks?.fail(error);
      reject(error);
    }
    this.end(stage, { error });
    this.#hooks?.abort(error);
  }

  /** Marks the promise as settled. */
  #settle(stage: Stage, outcome?: StepOutcome): void {
    // These functions keep the promise alive, and with it the response.
    this.#resolve = this.#reject = undefined;
    this.#hooks?.end();
    this.report.notify(stage, outcome);
  }

  get #isSettled(): boolean {
    return !this.#reject;
  }

  /** Gives the slot back, and removes the request from its client. */
  leave(): void {
    const { requests, onIdle } = this.#context;
    this.#slot.release();
    requests.delete(this);
    if (requests.size > 0) return;
    for (const resolve of onIdle) resolve();
    onIdle.clear();
  }

  /** Ends the limits, the waits and the slot of the request. `stage` is the last step if the observers wait for the end of the body. */
  end(stage: Stage, outcome?: StepOutcome): void {
    this.limits?.clear();
    this.#pause?.cancel();
    this.#watch?.onRead();
    const signal = this.signal;
    // The members of a signal may throw.
    if (signal) ignoreErrors(() => offAbort(signal, this));
    this.leave();
    this.report.end(stage, outcome);
  }
}
