/** A timer that keeps the time. */

/** The longest delay that engines know; a longer one would be taken for none. */
const LONGEST = 0x7fff_ffff;

/**
 * Calls `act` after so many milliseconds, by the clock that the rest goes by: one that is made coarse against fingerprinting stands still
 * for longer than engines fire early. The result takes that back.
 */
export function after(milliseconds: number, act: () => void, keepsAlive = false): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const due = performance.now() + milliseconds;
  const set = (left: number): void => {
    timer = setTimeout(look, Math.min(Math.ceil(left), LONGEST));
    if (!keepsAlive) (timer as { unref?: () => void }).unref?.();
  };
  const look = (): void => {
    const left = due - performance.now();
    left > 0 ? set(left) : act();
  };
  set(milliseconds);
  return () => clearTimeout(timer);
}
