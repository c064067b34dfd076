/** Aborts a response's body after the response was returned: by the caller's signal, or by the rest of a time limit. */
import { offAbort, onAbort } from "./abort.js";
import { onCollected } from "./core.js";
import { timeoutError } from "./errors.js";
import { setTimer } from "./timer.js";

/** Keeps the Request of each response as long as the response or its body lives. */
const requestOf = new WeakMap<object, Request>();

/**
 * Makes sure that an abort of the request's signal reaches the response's body.
 *
 * Node's fetch keeps no reference to the Request. Once it is collected, an abort does not reach the body any more.
 */
export function keepRequest(request: Request, response: Response): void {
  for (const holder of [response, response.body]) if (holder instanceof Object) requestOf.set(holder, request);
}

/**
 * Aborts `controller` when the caller's signal is aborted, or when a limit of `milliseconds` passes, at the time `endsAt`.
 *
 * The timer keeps no process alive. It ends when all `holders` (the response and the request's signal) are collected: while
 * the body is being received, an engine keeps the response or the signal alive. In Chromium a clone of the response goes on
 * without this if its original was collected.
 *
 * `AbortSignal.any` is not used for the caller's signal: in Node 20 each call leaves memory behind on that signal.
 */
export function abortBodyOn(controller: AbortController, signal: AbortSignal | undefined, limit: string, milliseconds: number, endsAt: number, holders: object[]): void {
  const listener = { handleEvent: (): void => controller.abort(signal?.reason) };
  const left = Math.max(0, Math.ceil(endsAt - performance.now()));
  const cancelTimer = milliseconds ? setTimer(left, () => controller.abort(timeoutError("reading the body", limit, milliseconds))) : undefined;
  onAbort(signal, listener);
  let holdersLeft = holders.length;
  const onHolderCollected = (): void => {
    if (--holdersLeft > 0) return;
    cancelTimer?.();
    offAbort(signal, listener);
  };
  for (const holder of holders) onCollected(holder, onHolderCollected);
}
