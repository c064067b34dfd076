/** Decides whether another attempt follows, with the hooks `beforeRetry`, and prepares its Request. */
import type { FetchArguments } from "./arguments.js";
import { outcomeOf, type Outcome } from "./attempt.js";
import { isRequest } from "./init.js";
import type { Options } from "./options.js";
import type { RequestErrors } from "./request-errors.js";
import { NO_RETRY, retryDelay, type RetryPolicy } from "./retry.js";
import type { HookContext } from "./types.js";

/** The number of attempts that the hook `afterResponse` may ask for if `retry` is not set. */
const DEFAULT_ATTEMPTS = 3;

/** The request of an attempt that has ended. */
export interface Repetition {
  readonly options: Options;
  readonly call: FetchArguments;
  /** The number of the attempt. */
  readonly attempt: number;
  readonly errors: RequestErrors;
  /** Aborts the next attempt. */
  readonly nextSignal: AbortSignal;
  /** Returns whether the request can wait for so many milliseconds. */
  isPossible(delay: number): boolean;
  /** Returns the argument of a hook: with the request of the next attempt, or with the Request of a hook before. */
  context(request: Request | undefined): HookContext;
}

/** Returns whether another attempt may follow an attempt with this number. */
export function mayRepeat({ asked, response }: Outcome, retry: RetryPolicy | undefined, attempt: number): boolean {
  const isAllowed = attempt < (retry?.attempts ?? DEFAULT_ATTEMPTS);
  return isAllowed && (!!asked || (!!retry && (!response || !!retry.when || retry.statusCodes.includes(response.status))));
}

/** Returns the milliseconds until the next attempt, or `NO_RETRY`. Throws if the next attempt is wanted, and cannot send the body. */
export async function repeatDelay(outcome: Outcome, { options, call, attempt, errors, nextSignal, isPossible, context }: Repetition): Promise<number> {
  const { asked, response, error } = outcome;
  const retryContext = {
    get request(): Request {
      return call.request;
    },
    attempt,
    ...(response ? { response } : { error }),
  };
  const delay = asked ? asked.delay : await retryDelay(options.retry as RetryPolicy, call.method, retryContext);
  if (!(delay >= 0 && isPossible(delay))) return NO_RETRY;
  const reason = asked?.request ? undefined : await call.whyOneShot();
  if (reason && "error" in outcome) {
    const message = `the request failed and was not sent again: its body ${reason}`;
    throw errors.of("BODY_NOT_REPLAYABLE", message, attempt, call, { cause: error });
  }
  if (reason) return NO_RETRY;
  if (asked?.request) call.replace(asked.request);
  const { beforeRetry } = options.hooks;
  // The hooks get a Request whose body is unused.
  if (beforeRetry.length > 0) await call.prepare(nextSignal);
  for (const hook of beforeRetry) {
    const details = { ...outcomeOf(outcome), response, delay, attempt: attempt + 1 };
    const result = await hook({ ...context(call.isPrepared ? undefined : call.base), ...details });
    if (result === false) return NO_RETRY;
    if (isRequest(result)) call.replace(result);
  }
  return delay;
}
