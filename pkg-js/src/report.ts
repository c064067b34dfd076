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
  readonly #facts: Pick<QueueEvent, "id" | "priority"> & { attempts: number; queueWait?: number };
  readonly #calledAt = now();
  #arguments: FetchArguments;
  #origin: string | undefined;

  constructor(context: ClientContext, priority: number, call: FetchArguments) {
    this.#context = context;
    this.#facts = { id: ++context.requestCount, priority, attempts: 0 };
    this.#arguments = call;
  }

  /** The origin of the URL. It is empty for a relative URL that only a `fetch` of the caller's own knows. */
  get origin(): string {
    return (this.#origin ??= URL.canParse(this.#arguments.url, documentBase()) ? new URL(this.#arguments.url, documentBase()).origin : "");
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
        const { method, url } = this.#arguments;
        return observer({ ...facts, stage, method, url, origin: this.origin, at, duration, ...outcome });
      });
    }
  }

  /** Forgets the Request, after the last step. With `isCounted`, statistics still count the request by its origin. */
  forget(isCounted: boolean): void {
    if (isCounted) void this.origin;
    this.#arguments = undefined as never;
  }
}
