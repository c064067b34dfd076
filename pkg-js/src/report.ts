/** Reports the steps of a request to the observers of its client. */
import type { FetchArguments } from "./arguments.js";
import { now } from "./clock.js";
import type { ClientContext } from "./context.js";
import { onCollected } from "./core.js";
import { ignoreErrors } from "./errors.js";
import { documentBase } from "./init.js";
import { isObservable } from "./response.js";
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
  /** Undefined once the caller has the response, unless observers wait for the end of its body. */
  #call: Pick<FetchArguments, "method" | "url"> | undefined;
  #origin: string | undefined;
  /** The steps that the observers are getting. */
  #steps: QueueEvent[] | undefined;
  #expectsEnd = false;

  constructor(context: ClientContext, priority: number, call: FetchArguments) {
    this.#context = context;
    this.#facts = { id: ++context.requestCount, priority, attempts: 0 };
    this.#call = call;
  }

  /** Sets the status of the response. All further steps have it. */
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
    if (!this.#context.observers.size) return;
    // The members of a call may throw.
    void ignoreErrors(() => {
      const { method, url } = this.#call as FetchArguments;
      this.#tell({ ...facts, stage, method, url, origin: this.origin, at, duration, ...outcome });
    });
  }

  /** Calls the observers with a step. If an observer causes a further step of the request, all observers get it after this step. */
  #tell(step: QueueEvent): void {
    if (this.#steps) return void this.#steps.push(step);
    this.#steps = [step];
    const { observers } = this.#context;
    for (const next of this.#steps) {
      // An observer may add and remove observers.
      for (const observer of [...observers]) if (observers.has(observer)) void ignoreErrors(() => observer({ ...next }));
    }
    this.#steps = undefined;
  }

  /** Returns whether the observers get the end of the body. An observer changes nothing for a response that is no object of the platform. */
  expectEnd(response: Response): boolean {
    try {
      this.#expectsEnd = this.#context.observers.size > 0 && isObservable(response, (this.#call as FetchArguments).method);
    } catch {
      // The members of a call or a response may throw.
    }
    return this.#expectsEnd;
  }

  /** Waits for the end of the body. If `response` is collected before, the last step is `cancelled`. */
  awaitEnd(response: Response): void {
    if (onCollected([response], this, endCollected)) this.#context.awaitingEnd.add(this);
  }

  /** Reports the last step, if the observers have had the step `head` and no last step. */
  end(stage: Stage, outcome?: StepOutcome): void {
    const { awaitingEnd, observers } = this.#context;
    awaitingEnd.delete(this);
    if (this.stage === "head" && this.#call && observers.size) this.notify(stage, outcome);
  }

  /**
   * Forgets the Request, which the caller's response must not keep alive. With `isCounted`, statistics still count the request by its
   * origin.
   */
  forget(isCounted: boolean): void {
    if (isCounted) void this.origin;
    const call = this.#call as FetchArguments;
    this.#call = undefined;
    // The members of a call may throw.
    if (this.#expectsEnd && this.stage === "head") void ignoreErrors(() => (this.#call = { method: call.method, url: call.url }));
  }
}

/** Ends a report whose response was collected. It is no closure: the registry would keep what a closure refers to alive. */
function endCollected(report: RequestReport): void {
  report.end("cancelled");
}
