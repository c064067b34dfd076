/** Reports the steps of a request to the observers of its client. */
import type { FetchArguments } from "./arguments.js";
import type { ClientContext } from "./context.js";
import { ignoreErrors } from "./errors.js";
import { documentBase } from "./init.js";
import type { QueueEvent } from "./types.js";

/** A step in a request's life. */
export type Stage = QueueEvent["stage"];

export class RequestReport {
  /** The last step that the observers got. */
  stage: Stage | undefined;
  readonly #context: ClientContext;
  readonly #number: number;
  readonly #priority: number;
  #arguments: FetchArguments;
  #origin: string | undefined;

  constructor(context: ClientContext, priority: number, call: FetchArguments) {
    this.#context = context;
    this.#number = ++context.requestCount;
    this.#priority = priority;
    this.#arguments = call;
  }

  /** The origin of the URL. It is empty for a relative URL that only a `fetch` of the caller's own knows. */
  get origin(): string {
    if (this.#origin === undefined) {
      const { url } = this.#arguments;
      this.#origin = URL.canParse(url, documentBase()) ? new URL(url, documentBase()).origin : "";
    }
    return this.#origin;
  }

  /** Sets the stage and calls the observers. */
  notify(stage: Stage, outcome?: Pick<QueueEvent, "status" | "error">): void {
    this.stage = stage;
    if (this.#context.observers.size === 0) return;
    for (const observer of this.#context.observers) {
      const { url } = this.#arguments;
      const event = { id: this.#number, stage, url, origin: this.origin, priority: this.#priority, at: performance.now() };
      ignoreErrors(() => observer({ ...event, ...outcome }));
    }
  }

  /** Forgets the Request, after the last step. With `isCounted`, statistics still count the request by its origin. */
  forget(isCounted: boolean): void {
    if (isCounted) void this.origin;
    this.#arguments = undefined as never;
  }
}
