/** The arguments of hooks, and the requests that hooks send. */
import { resolveUrl, type Sender } from "./arguments.js";
import { ignoreErrors } from "./errors.js";
import type { Options } from "./options.js";
import type { HookContext } from "./types.js";

export class HookSender {
  readonly #options: Options;
  readonly #sender: Sender;
  /** Aborts what the hooks send. */
  #controller: AbortController | undefined;
  #hasEnded = false;

  constructor(options: Options, sender: Sender) {
    this.#options = options;
    this.#sender = sender;
  }

  /** Returns the argument of a hook. */
  context(request: Request | undefined, attempt: number): HookContext {
    // A hook `onError` sends after the end.
    const isLate = this.#hasEnded;
    const fetch: HookContext["fetch"] = async (input, init) => {
      const controller = isLate ? new AbortController() : (this.#controller ??= new AbortController());
      if (this.#hasEnded && !isLate) controller.abort();
      const { signal: given } = init ?? {};
      const signal = given ? AbortSignal.any([controller.signal, given]) : controller.signal;
      return this.#sender(globalThis, typeof input === "string" ? resolveUrl(input, this.#options) : input, { ...init, signal });
    };
    return { request: request as Request, attempt, fetch };
  }

  /** Marks the request of the hooks as ended. What the hooks send from here on is sent for the hook `onError`. */
  end(): void {
    this.#hasEnded = true;
  }

  /** Aborts what the hooks have sent. */
  abort(reason: unknown): void {
    // A listener of the caller's may throw.
    ignoreErrors(() => this.#controller?.abort(reason));
  }
}
