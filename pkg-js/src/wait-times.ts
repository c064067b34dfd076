/** How long requests waited for their slots. */
import type { WaitTimes } from "./types.js";

/** The number of buckets of the histogram: no wait, then up to 1 ms, 2 ms, 4 ms and so on to 2²⁰ ms, then longer waits. */
const WAIT_BUCKETS = 23;

export class WaitHistogram {
  readonly #buckets = new Array<number>(WAIT_BUCKETS).fill(0);
  #count = 0;
  #total = 0;
  #longest = 0;

  /** Counts a request that waited for so many milliseconds. */
  record(wait: number): void {
    const bucket = wait > 0 ? 1 + Math.ceil(Math.log2(Math.max(1, Math.ceil(wait)))) : 0;
    (this.#buckets[Math.min(bucket, WAIT_BUCKETS - 1)] as number)++;
    this.#count++;
    this.#total += wait;
    this.#longest = Math.max(this.#longest, wait);
  }

  read(): WaitTimes {
    return { count: this.#count, mean: this.#total / (this.#count || 1), longest: this.#longest, buckets: [...this.#buckets] };
  }
}
