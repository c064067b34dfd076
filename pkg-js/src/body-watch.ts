/** Watches the body of a request's response: its end frees the slot and stops the time limits. */
import { Timer } from "./clock.js";
import { onCollected } from "./core.js";
import { ignoreErrors } from "./errors.js";
import type { Limits } from "./limits.js";
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
  /** Ends all that waits for the end of the body. */
  end(stage: "done" | "cancelled"): void;
  /** The same, with the reason why the body has failed. */
  fail(error: unknown): void;
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
  /** Whether observers wait for the end of the body, which can be seen. */
  readonly isObserved: boolean;
}

export class BodyWatch implements BodyWatcher {
  /** Whether `readWhole` will read the body. */
  hasReader = false;
  /** Aborts the body. Set once there is a response. */
  signal!: AbortSignal;
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
  start({ response, result, request, signal, holdsSlot, isObserved }: WatchedResponse): void {
    const { limits, signal: hasSignal } = this.#owner;
    // The bytes of an opaque response are out of reach, so its end cannot be seen.
    const isOpaque = response.type === "opaque";
    const isLimited = !!limits?.isRunning;
    const isCounted = result !== response;
    this.signal = signal;
    if (!isLimited) limits?.clear();
    if (!isOpaque && !this.hasReader && (holdsSlot || isLimited || isCounted || isObserved || (hasSignal && !request))) watchBody(result, this);
    if (!(holdsSlot || isLimited || hasSignal || isObserved)) return this.#owner.end("done");
    if (!holdsSlot || isOpaque) this.#owner.leave();
    limits?.unref();
    if (request) keepRequest(request, response);
    // Limits alone end by themselves: a registry takes the engine longer than a timer that is left.
    if (!(holdsSlot || hasSignal || isObserved)) return;
    // Collected objects are not read any more. While only the platform reads the body, an engine keeps the signal of the Request alive.
    const objects = [result, ...(request ? [request.signal] : [])];
    // Nothing else may keep this watch alive, but observers wait for the last step.
    const kept = isObserved ? this : undefined;
    onCollected(objects, this, (watch) => (kept ?? watch).#owner.end("cancelled"));
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
    this.#reads.forEach((reject) => void Promise.resolve().then(() => reject(this.signal.reason)));
  }

  // The streams call these functions without an object.
  /** Ends the time in which the body must begin to be read. */
  readonly onRead: () => void = () => this.#unread?.cancel();

  /** Returns the error for the reader of a body that has failed with `error`. */
  readonly onError: (error: unknown) => unknown = (error) => {
    const reason = (this.#failure ?? { error }).error;
    this.#owner.fail(reason);
    return reason;
  };

  readonly onEnd: () => void = () => this.#owner.end("done");

  readonly onCancel: () => void = () => this.#owner.end("cancelled");

  /** Reads the whole body with `read`. The read ends with the request, even if the body ignores the signal. */
  readWhole<Value>(response: Response, read: (response: Response) => Promise<Value>): Promise<Value> {
    if (!this.signal.aborted) return this.#read(response, read);
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
        read(response).then(resolve, reject);
      });
    } catch (error) {
      throw wasUsed ? error : this.onError(error);
    } finally {
      this.#reads = this.#reads.filter((reject) => reject !== rejectRead);
      // A body that was read before has an end of its own. The response is kept alive until here: a collected response is not watched.
      if (response && !wasUsed) this.onEnd();
    }
  }
}
