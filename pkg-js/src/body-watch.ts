/** Watches the body of a request's response: its end frees the slot and stops the time limits. */
import { isAborted } from "./abort.js";
import { Timer } from "./clock.js";
import { onCollected } from "./core.js";
import { ignoreErrors } from "./errors.js";
import type { Limits } from "./limits.js";
import type { RequestReport, Stage, StepOutcome } from "./report.js";
import { keepRequest, watchBody, type BodyWatcher } from "./response.js";

/** The longest time for which a response holds its slot although its body is not being read, in milliseconds. */
const UNREAD_TIME = 1000;

/** The request whose body is watched. */
export interface BodyOwner {
  readonly limits: Limits | undefined;
  /** The caller's signal. */
  readonly signal: AbortSignal | undefined;
  /** Gives the slot back, and removes the request from its client. */
  leave(): void;
  /** Ends the limits and the slot of the request, and reports `stage` to the observers. */
  end(stage: Stage, outcome?: StepOutcome): void;
}

/** A response and its body. */
export interface WatchedResponse {
  /** The response of the function that sends requests. */
  readonly response: Response;
  /** The response that the caller gets. */
  readonly result: Response;
  /** The Request that was built for the response, if a Request was built. */
  readonly request: Request | undefined;
  /** Aborts the body. */
  readonly signal: AbortSignal;
  /** Whether the request holds its slot until the end of the body. */
  readonly holdsSlot: boolean;
  /** Reports the end of the body. Undefined if no observer waits for it. */
  readonly report: RequestReport | undefined;
}

/** Ends a request whose response was collected. It is no closure: the registry would keep what a closure refers to alive. */
function endCollected(watch: BodyWatch): void {
  watch.onCancel();
}

export class BodyWatch implements BodyWatcher {
  /** Whether `readWhole` will read the body. */
  hasReader = false;
  /** Aborts the reads of the body. Undefined if the watch is for observers alone: then the platform's own abort ends them. */
  signal: AbortSignal | undefined;
  readonly #owner: BodyOwner;
  /** Ends the time in which the body must begin to be read. */
  #unread: Timer | undefined;
  /** Reject the reads of the whole body. */
  #reads: ((reason: unknown) => void)[] = [];
  /** Why the body has failed, unless the caller has aborted it. Engines replace some of these errors by their own. */
  #failure: { readonly error: unknown } | undefined;

  constructor(owner: BodyOwner) {
    this.#owner = owner;
  }

  /** Watches the body until it ends. */
  start({ response, result, request, signal, holdsSlot, report }: WatchedResponse): void {
    const { limits, signal: hasSignal } = this.#owner;
    // The bytes of an opaque response are out of reach, so its end cannot be seen.
    const isOpaque = response.type === "opaque";
    const isLimited = !!limits?.isRunning;
    const isCounted = result !== response;
    const mustEnd = holdsSlot || isLimited || isCounted || (hasSignal && !request);
    if (mustEnd || this.hasReader) this.signal = signal;
    if (!isLimited) limits?.clear();
    // Before the watch, because the watch replaces the body: a hook may read a copy of the platform's own body.
    if (request) keepRequest(request, response);
    if (!isOpaque && !this.hasReader && (mustEnd || report)) watchBody(result, this);
    if (!(holdsSlot || isLimited || hasSignal || report)) return this.#owner.end("done");
    if (!holdsSlot || isOpaque) this.#owner.leave();
    limits?.unref();
    report?.awaitEnd(result);
    // Limits alone end by themselves: a registry takes the engine longer than a timer that is left.
    if (!(holdsSlot || hasSignal)) return;
    // Collected objects are not read any more. While only the platform reads the body, an engine keeps the signal of the Request alive.
    onCollected([result, ...(request ? [request.signal] : [])], this, endCollected);
    if (!holdsSlot || isOpaque || this.hasReader) return;
    this.#unread = new Timer(UNREAD_TIME, () => this.#owner.leave());
    this.#unread.unref();
  }

  /** Records why the body fails. The first failure counts. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /** Ends the reads of the whole body. Called after the signal was aborted. */
  abort(): void {
    // The platform's own rejection comes first, unless the body ignores the signal.
    const { signal } = this;
    if (signal) this.#reads.forEach((reject) => void Promise.resolve().then(() => reject(signal.reason)));
  }

  // The streams call these functions without an object.
  /** Ends the time in which the body must begin to be read. */
  readonly onRead: () => void = () => this.#unread?.cancel();

  /** Returns the error for the reader of a body that has failed with `error`. */
  readonly onError: (error: unknown) => unknown = (error) => {
    const reason = (this.#failure ?? { error }).error;
    this.#owner.end(isAborted(this.#owner.signal) ? "cancelled" : "failed", { error: reason });
    return reason;
  };

  readonly onEnd: () => void = () => this.#owner.end("done");

  readonly onCancel: () => void = () => this.#owner.end("cancelled");

  /**
   * Reads the whole body with `read`. The read ends with the request, even if the body ignores the signal. With `isJson`, a SyntaxError
   * comes after the end of the body.
   */
  readWhole<Value>(response: Response, read: (response: Response) => Promise<Value>, isJson: boolean): Promise<Value> {
    if (!this.signal?.aborted) return this.#read(response, read, isJson);
    // The platform's own promise rejects in this turn too, unless the body ignores the signal.
    ignoreErrors(() => read(response));
    return Promise.reject(this.onError(this.signal.reason));
  }

  async #read<Value>(response: Response, read: (response: Response) => Promise<Value>, isJson: boolean): Promise<Value> {
    let wasUsed = false;
    let rejectRead!: (reason: unknown) => void;
    try {
      wasUsed = response.bodyUsed;
      return await new Promise<Value>((resolve, reject) => {
        this.#reads.push((rejectRead = reject));
        // A response of a `fetch` of the caller's own may give a value that is no promise.
        Promise.resolve(read(response)).then(resolve, reject);
      });
    } catch (error) {
      throw wasUsed || (isJson && (error as Error | undefined)?.name === "SyntaxError") ? error : this.onError(error);
    } finally {
      this.#reads = this.#reads.filter((reject) => reject !== rejectRead);
      // A body that was read before has an end of its own. The response is kept alive until here: a collected response is not watched.
      if (response && !wasUsed) this.onEnd();
    }
  }
}
