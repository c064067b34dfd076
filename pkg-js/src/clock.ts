/** The clock of all limits and waits, and its timers. */

/** The longest delay in milliseconds that engines accept: they treat a longer delay as 0. */
export const LONGEST_DELAY = 0x7fff_ffff;

/** The time in milliseconds by which engines fire their timers early. */
const EARLY = 2;

/** The time in milliseconds by which sums of times may differ. */
const ROUNDING = 0.001;

/** The time in milliseconds by which a coarse clock may be behind the timers. */
const COARSE = 200;

/** The last reading of `performance.now()`. */
let lastReading = 0;
/** The time by which the clock is ahead of `performance.now()`. */
let offset = 0;
/** The time at which the last timer was due. */
let fired = 0;

/** Returns the time in milliseconds by `performance.now()`. It never goes back. */
function measured(): number {
  const reading = performance.now();
  // A clock behind its last reading was set back, or replaced by the clock of a test.
  if (reading < lastReading) offset += lastReading - reading;
  lastReading = reading;
  return reading + offset;
}

/** Returns the time in milliseconds. It never goes back, and is at least the time at which the last timer was due. */
export function now(): number {
  return Math.max(measured(), fired);
}

/** A timer of the engine's that calls `act` once `milliseconds` have passed. It keeps a Node process alive. */
export class Timer {
  readonly #due: number;
  /** The time by `measured` at which the timer is due. `now` may be ahead of it. */
  readonly #end: number;
  readonly #act: () => void;
  #left: number;
  #isSecond = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(milliseconds: number, act: () => void) {
    this.#due = now() + milliseconds;
    this.#end = measured() + milliseconds;
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
    const rest = this.#end - measured();
    if (!this.#isSecond && this.#left <= 0 && rest > ROUNDING && rest <= EARLY) {
      this.#isSecond = true;
      this.#left = rest;
    }
    if (this.#left > 0) return this.#set();
    const early = this.#due - now();
    // If the clock disagrees by more, the timer is right. A coarse clock catches up by itself; any other is not the clock of the timers.
    if (early > COARSE) offset += early;
    fired = Math.max(fired, this.#due);
    this.#act();
  }
}
