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
