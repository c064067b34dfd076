/** Reports the steps of a request to the observers of its client. */
import type { FetchArguments } from "./arguments.js";
import { now } from "./clock.js";
import type { ClientContext } from "./context.js";
import { ignoreErrors } from "./errors.js";
import { documentBase } from "./init.js";
import type { QueueEvent } from "./types.js";

/** A step in a request's life. */
export type Stage = QueueEvent["stage"];

/** The outcome of an attempt or of a request. */
export type StepOutcome = Pick<QueueEvent, "status" | "error">;

export class RequestReport {
  /** The last step that the observers got. */
  stage: Stage | undefined;
  readonly #context: ClientContext;
  /** What an event has in each step. */
  readonly #facts: Pick<QueueEvent, "id" | "priority"> & { attempts: number; queueWait?: number; status?: number };
  readonly #calledAt = now();
  /** Undefined once no step follows. */
  #call: Pick<FetchArguments, "method" | "url"> | undefined;
  #origin: string | undefined;

  constructor(context: ClientContext, priority: number, call: FetchArguments) {
    this.#context = context;
    this.#facts = { id: ++context.requestCount, priority, attempts: 0 };
    this.#call = call;
  }

  /** Sets the status of the response, which all further steps have. */
  set status(status: number) {
    this.#facts.status = status;
  }

  /** The origin of the URL. It is empty for a relative URL that only a `fetch` of the caller's own knows. */
  get origin(): string {
    if (this.#origin === undefined) {
      const { url } = this.#call as FetchArguments;
      this.#origin = URL.canParse(url, documentBase()) ? new URL(url, documentBase()).origin : "";
    }
    return this.#origin;
  }

  /** Sets the stage and calls the observers. */
  notify(stage: Stage, outcome?: StepOutcome): void {
    const facts = this.#facts;
    this.stage = stage;
    const at = now();
    const duration = at - this.#calledAt;
    if (stage === "started" && !facts.attempts++) facts.queueWait = duration;
    for (const observer of this.#context.observers) {
      // The members of a call may throw.
      ignoreErrors(() => {
        const { method, url } = this.#call as FetchArguments;
        return observer({ ...facts, stage, method, url, origin: this.origin, at, duration, ...outcome });
      });
    }
  }

  /** Reports the last step, if the observers have had the head. */
  end(stage: Stage, outcome?: StepOutcome): void {
    if (this.stage === "head" && this.#call) this.notify(stage, outcome);
  }

  /**
   * Forgets the Request, which the caller's response must not keep alive. With `isCounted`, statistics still count the request by its
   * origin. With `isObserved`, the last step may follow.
   */
  forget(isCounted: boolean, isObserved: boolean): void {
    if (isCounted) void this.origin;
    const call = this.#call as FetchArguments;
    this.#call = undefined;
    // The members of a call may throw.
    if (isObserved && this.stage === "head") ignoreErrors(() => (this.#call = { method: call.method, url: call.url }));
  }
}
