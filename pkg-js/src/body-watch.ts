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
  /** Waits for the end of the body, if observers do. */
  readonly report: RequestReport | undefined;
}

/** Ends a request whose response was collected. Outside the class: a function that knows a watch would keep the watch alive. */
function endCollected(watch: BodyWatch): void {
  watch.onCancel();
}

export class BodyWatch implements BodyWatcher {
  /** Whether `readWhole` will read the body. */
  hasReader = false;
  /** Aborts the body. Undefined if the watch is for observers alone: then it changes nothing for the reader of the body. */
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
    const isWatched = !isOpaque && !this.hasReader && (mustEnd || !!report);
    if (isWatched) watchBody(result, this);
    // All that reads the body of a watched response keeps the response alive. Elsewhere, only the body may be left.
    if (request) keepRequest(request, isWatched && !isCounted ? [response] : [response, response.body]);
    if (!(holdsSlot || isLimited || hasSignal || report)) return this.#owner.end("done");
    if (!holdsSlot || isOpaque) this.#owner.leave();
    limits?.unref();
    // Collected objects are not read any more. While only the platform reads the body, an engine keeps the signal of the Request alive.
    const objects = [result, ...(request ? [request.signal] : [])];
    report?.awaitEnd(objects);
    // Limits alone end by themselves: a registry takes the engine longer than a timer that is left.
    if (!(holdsSlot || hasSignal)) return;
    onCollected(objects, this, endCollected);
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

  /** Reads the whole body with `read`. The read ends with the request, even if the body ignores the signal. */
  readWhole<Value>(response: Response, read: (response: Response) => Promise<Value>): Promise<Value> {
    if (!this.signal?.aborted) return this.#read(response, read);
    // The platform's own promise rejects in this turn too, unless the body ignores the signal.
    ignoreErrors(() => read(response));
    return Promise.reject(this.onError(this.signal.reason));
  }

  async #read<Value>(response: Response, read: (response: Response) => Promise<Value>): Promise<Value> {
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
      // A body that is no JSON has been read to its end.
      throw wasUsed || (error as Error | undefined)?.name === "SyntaxError" ? error : this.onError(error);
    } finally {
      this.#reads = this.#reads.filter((reject) => reject !== rejectRead);
      // A body that was read before has an end of its own. The response is kept alive until here: a collected response is not watched.
      if (response && !wasUsed) this.onEnd();
    }
  }
}
