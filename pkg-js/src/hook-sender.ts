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
  /** Calls the hooks `onError`. */
  #fail: ((error: [unknown]) => void) | undefined;

  /** `context` returns the argument of the hooks `onError`. */
  constructor(options: Options, sender: Sender, context: () => HookContext) {
    this.#options = options;
    this.#sender = sender;
    // In an array, because a promise would look for a method `then` in the error. The hooks run in the async context of the call.
    const failed = new Promise<[unknown]>((resolve) => (this.#fail = resolve));
    void failed.then(([error]) => options.hooks.onError.forEach((hook) => void ignoreErrors(() => hook({ ...context(), error }))));
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
      return this.#sender.call(globalThis, typeof input === "string" ? resolveUrl(input, this.#options) : input, { ...init, signal });
    };
    return { request: request as Request, attempt, fetch };
  }

  /** Marks the request of the hooks as ended. What the hooks send from here on is sent for the hook `onError`. */
  end(): void {
    this.#hasEnded = true;
  }

  /** Calls the hooks `onError` soon. */
  fail(error: unknown): void {
    this.#fail?.([error]);
  }

  /** Aborts what the hooks have sent. */
  abort(reason: unknown): void {
    // A listener of the caller's may throw.
    ignoreErrors(() => this.#controller?.abort(reason));
  }
}
