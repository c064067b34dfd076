/** The clock of all limits and waits, and its timers. */

/** The longest delay in milliseconds that engines accept: they treat a longer delay as 0. */
export const LONGEST_DELAY = 0x7fff_ffff;

/** The time in milliseconds by which engines fire their timers early. */
const EARLY = 2;

/** The longest time in milliseconds by which a coarse clock is behind the timers. */
const COARSE = 1000;

/** The last reading of `performance.now()`. */
let lastReading = 0;
/** How far `performance.now()` is behind: the sum of its steps back, and of the time that it missed. */
let behind = 0;
/** The time at which the last timer fired. */
let fired = 0;

/** Returns the time in milliseconds. It never goes back, and is at least the time at which the last timer was due. */
export function now(): number {
  const reading = performance.now();
  // A clock behind its last reading was set back, or replaced by the clock of a test.
  if (reading < lastReading) behind += lastReading - reading;
  lastReading = reading;
  return Math.max(reading + behind, fired);
}

/** A timer of the engine's that calls `act` once `milliseconds` have passed. It keeps a Node process alive. */
export class Timer {
  readonly due: number;
  readonly #act: () => void;
  #left: number;
  #isSecond = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(milliseconds: number, act: () => void) {
    this.due = now() + milliseconds;
    this.#left = milliseconds;
    this.#act = act;
    this.#set();
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }

  /** Lets a Node process end before the timer fires. */
  unref(): void {
    (this.#timer as { unref?: () => void }).unref?.();
  }

  #set(): void {
    const delay = Math.min(Math.ceil(this.#left), LONGEST_DELAY);
    this.#left -= delay;
    this.#timer = setTimeout(() => this.#fire(), delay);
  }

  #fire(): void {
    const early = this.due - now();
    if (!this.#isSecond && this.#left <= 0 && early > 0 && early <= EARLY) {
      this.#isSecond = true;
      this.#left = early;
    }
    if (this.#left > 0) return this.#set();
    // If the clock disagrees by more, it is coarse, stands still, or is not the clock of the timers. A coarse clock catches up. Any
    // other clock does not, and would stand still until then.
    if (early > COARSE) behind += early;
    fired = Math.max(fired, this.due);
    this.#act();
  }
}
