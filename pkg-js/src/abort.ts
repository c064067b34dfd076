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
export function untilAborted<Value>(work: Value | Promise<Value>, signal: AbortSignal): Promise<Value> {
  let listener!: AbortListener;
  const aborted = new Promise<never>((_, reject) => {
    listener = { handleEvent: () => reject(signal.reason) };
    if (signal.aborted) listener.handleEvent();
    else onAbort(signal, listener);
  });
  return Promise.race([work, aborted]).finally(() => offAbort(signal, listener));
}

/** Returns the reason of an aborted signal. A member that throws is the reason. */
export function reasonOf(signal: AbortSignal | undefined): unknown {
  try {
    return signal?.reason;
  } catch (error) {
    return error;
  }
}

/** Returns whether a signal is aborted. A member that throws counts as no abort. */
export function isAborted(signal: AbortSignal | undefined): boolean {
  try {
    return !!signal?.aborted;
  } catch {
    return false;
  }
}
