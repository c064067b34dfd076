/** What may yet end a body that is the platform's own by now: the caller's signal, and the rest of the total limit. */
import { after } from "./after.js";
import { whenGone } from "./core.js";
import { timeoutError } from "./errors.js";
import { follow, unfollow } from "./follow.js";

/** Requests whose answers have not gone. Node's fetch drops the Request itself, and no abort would reach the body any more. */
const kept = new WeakMap<object, Request>();

/** Sees to it that the request's signal ends the body, as long as that comes. */
export function keep(request: Request, response: Response): void {
  for (const holder of [response, response.body]) if (holder instanceof Object) kept.set(holder, request);
}

/**
 * Aborts `clock` when the caller's signal says so, or the total limit passes. It keeps no process alive, and is over when all `holders`
 * have gone: as long as the body comes, an engine keeps the response, or the request's signal. (In Chromium a clone goes on without
 * them if nobody has its original any more.) `AbortSignal.any` would not do for the caller's signal: Node 20 leaves something behind on it.
 */
export function endBody(clock: AbortController, signal: AbortSignal | undefined, total: number, called: number, holders: object[]): void {
  const follower = { handleEvent: (): void => clock.abort(signal?.reason) };
  const left = Math.max(0, Math.ceil(called + total - performance.now()));
  const stop = total ? after(left, () => clock.abort(timeoutError("reading the body", "total", total))) : undefined;
  follow(signal, follower);
  let held = holders.length;
  const over = (): void => {
    if (--held) return;
    stop?.();
    unfollow(signal, follower);
  };
  for (const holder of holders) whenGone(holder, over);
}
