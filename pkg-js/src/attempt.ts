/** An attempt at a request: the hooks before it, the sending, and the hooks after it. */
import { ignoreErrors } from "./errors.js";
import { isPromise, isRequest } from "./init.js";
import type { AllHooks } from "./options.js";
import type { StepOutcome } from "./report.js";
import type { AfterResponseContext, AnotherAttempt, HookContext } from "./types.js";

/** How an attempt has ended: with a response, or with an error. */
export interface Outcome {
  readonly response?: Response | undefined;
  readonly error?: unknown;
  /** Whether a hook asks for another attempt. */
  readonly asked?: AnotherAttempt | undefined;
}

/** What an attempt needs of its request. */
export interface Attempt {
  /** Aborts the attempt. */
  readonly signal: AbortSignal;
  /** Returns the argument of a hook: with the request of the attempt, or with the Request of a hook before. */
  context(request: Request | undefined): HookContext;
  /** Sends the request of the attempt or the Request of a hook, unless there is a response. Throws if the caller has aborted the request. */
  send(response: Response | undefined, replacement: Request | undefined): Response | Promise<Response>;
  /** Called if a hook asks for another attempt. */
  ask(asked: AnotherAttempt): void;
}

/** Calls the hooks and sends the request. Unless a hook returns a promise, the platform's fetch is called in the same turn. */
export async function sendWithHooks(hooks: AllHooks, attempt: Attempt): Promise<Response> {
  const { signal } = attempt;
  let replacement: Request | undefined;
  let response: Response | undefined;
  for (const hook of hooks.beforeRequest) {
    let result = hook(attempt.context(replacement));
    if (isPromise(result)) result = await result;
    // The attempt may have ended during the hook.
    signal.throwIfAborted();
    if (isRequest(result)) {
      replacement = result;
    } else if (result) {
      response = result;
      break;
    }
  }
  response = await attempt.send(response, replacement);
  for (const hook of hooks.afterResponse) {
    // A function that ignores the signal answers after the end of the attempt.
    if (signal.aborted) break;
    let asked: AnotherAttempt | undefined;
    const retry: AfterResponseContext["retry"] = ({ request, delay = 0 } = {}) => (asked = { request, delay });
    let result = hook({ ...attempt.context(replacement), response, retry });
    if (isPromise(result)) result = await result;
    if (asked && result === asked) {
      attempt.ask(asked);
      return response;
    }
    if (result) response = result as Response;
  }
  return response;
}

/** Returns the outcome of an attempt for observers and hooks. */
export function outcomeOf({ response, error }: Outcome): StepOutcome {
  return response ? { status: response.status } : { error };
}

/** Cancels the body of a response that the caller does not get. */
export function discard(response: Response | undefined): void {
  // The bodies of some libraries are streams of Node.
  const body = response?.body as (ReadableStream & { destroy?(): void }) | null | undefined;
  ignoreErrors(() => response?.bodyUsed || (body?.destroy ? body.destroy() : body?.cancel()));
}
