/** A timer that follows the clock of the time limits, `performance.now()`. */

/** The longest delay in milliseconds that engines accept: they treat a longer delay as 0. */
export const LONGEST_DELAY = 0x7fff_ffff;

/**
 * Calls `act` when `milliseconds` have passed. Returns a function that cancels the timer.
 *
 * The timer keeps a Node process alive only if `keepsAlive` is true.
 */
export function setTimer(milliseconds: number, act: () => void, keepsAlive = false): () => void {
  const due = performance.now() + milliseconds;
  let timer: ReturnType<typeof setTimeout>;
  const schedule = (delay: number): void => {
    timer = setTimeout(fire, Math.min(Math.ceil(delay), LONGEST_DELAY));
    if (!keepsAlive) (timer as { unref?: () => void }).unref?.();
  };
  const fire = (): void => {
    // Engines fire early, and a clock that is made coarse against fingerprinting stands still for longer than that.
    // So the clock decides, and the timer is set again for the time that is left.
    const left = due - performance.now();
    left > 0 ? schedule(left) : act();
  };
  schedule(milliseconds);
  return () => clearTimeout(timer);
}
