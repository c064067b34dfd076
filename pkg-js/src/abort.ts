/**
 * Listens to the abort signals of callers, with a single listener per signal.
 *
 * Requests often share a signal, and Node warns when a signal has more than ten listeners.
 */

/** An object with a method for aborts. The method does not throw. */
export interface AbortListener {
  handleEvent(): void;
}

class AbortListeners extends Set<AbortListener> implements AbortListener {
  handleEvent(): void {
    for (const listener of this) listener.handleEvent();
  }
}

const listenersBySignal = new WeakMap<AbortSignal, AbortListeners>();

/** Calls `listener` when `signal` is aborted. */
export function onAbort(signal: AbortSignal | undefined, listener: AbortListener): void {
  if (!signal) return;
  const listeners = listenersBySignal.get(signal) ?? new AbortListeners();
  if (!listeners.size) signal.addEventListener("abort", listeners);
  listenersBySignal.set(signal, listeners.add(listener));
}

/** Removes `listener` from `signal`. */
export function offAbort(signal: AbortSignal | undefined, listener: AbortListener): void {
  const listeners = signal && listenersBySignal.get(signal);
  if (listeners?.delete(listener) && !listeners.size) signal?.removeEventListener("abort", listeners);
}

/** Returns the outcome of `work`. Rejects with the reason of `signal` if it is aborted before. */
export function untilAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  let listener!: AbortListener;
  const aborted = new Promise<never>((_, reject) => {
    listener = { handleEvent: () => reject(signal.reason) };
    if (signal.aborted) listener.handleEvent();
    else onAbort(signal, listener);
  });
  return Promise.race([work, aborted]).finally(() => offAbort(signal, listener));
}
