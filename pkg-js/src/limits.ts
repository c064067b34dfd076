/** The time limits of a request. */
import { now, Timer } from "./clock.js";
import type { AllTimeouts } from "./options.js";

/** A limit that this timer watches. The stream of the body watches `idle` itself. */
export type Limit = Exclude<keyof AllTimeouts, "idle">;

/** The limits; of two that pass at the same time, the first is named. */
const LIMITS: readonly Limit[] = ["total", "queue", "request", "head"];

/** The running limits of a request, with a single timer for the limit that passes first. */
export class Limits {
  readonly #timeouts: AllTimeouts;
  readonly #onPassed: (limit: Limit) => void;
  /** When each running limit passes. */
  #ends: { [limit in Limit]?: number | undefined } = {};
  #timer: Timer | undefined;
  /** When the limit passes for which the timer was set. */
  #timerEnd = 0;
  #keepsAlive = true;

  constructor(timeouts: AllTimeouts, onPassed: (limit: Limit) => void) {
    this.#timeouts = timeouts;
    this.#onPassed = onPassed;
  }

  /** The limit that passes first, and when. */
  get next(): { limit: Limit | undefined; at: number } {
    let limit: Limit | undefined;
    let at = Infinity;
    for (const name of LIMITS) {
      const end = this.#ends[name] ?? Infinity;
      if (end >= at) continue;
      limit = name;
      at = end;
    }
    return { limit, at };
  }

  get isRunning(): boolean {
    return this.next.at < Infinity;
  }

  /** Starts a limit, if the request has it. */
  start(limit: Limit): void {
    const timeout = this.#timeouts[limit];
    if (!timeout) return;
    this.#ends[limit] = now() + timeout;
    this.#setTimer();
  }

  stop(limit: Limit): void {
    this.#ends[limit] = undefined;
  }

  /** Stops all limits. */
  clear(): void {
    this.#ends = {};
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Lets a Node process end before a limit passes. */
  unref(): void {
    this.#keepsAlive = false;
    this.#timer?.unref();
  }

  /** Reports the limit that has passed, if a limit has passed. */
  check(): void {
    const { limit, at } = this.next;
    if (limit && at <= now()) this.#onPassed(limit);
  }

  #setTimer(): void {
    const { at } = this.next;
    // A timer that fires too early is cheaper than a new timer.
    if (at === Infinity || (this.#timer && this.#timerEnd <= at)) return;
    this.#timer?.cancel();
    this.#timerEnd = at;
    const fire = (): void => {
      this.#timer = undefined;
      this.check();
      this.#setTimer();
    };
    this.#timer = new Timer(Math.max(0, at - now()), fire);
    if (!this.#keepsAlive) this.#timer.unref();
  }
}
