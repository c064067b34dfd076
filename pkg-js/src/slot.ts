/** The slot of a request: the wait for it, and its return. */
import type { Answer, Core, Instance, Waiter } from "./core.js";

export class Slot implements Waiter {
  instance: Instance | undefined;
  ticket = 0;
  request = 0;
  since = 0;
  hasSlot = false;
  /** Whether the request was sent in the present slot. If not, rates do not count its start. */
  isUsed = false;
  readonly #core: Core;
  #answer: ((answer: Answer) => void) | undefined;
  /** An answer that came before the request waited for it. */
  #early: Answer | undefined;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Takes a slot, or joins the queue. */
  acquire(origin: string, priority: number, isRetry: boolean): Answer {
    this.isUsed = false;
    return this.#core.acquire(this, origin, priority, isRetry);
  }

  /** Returns the answer to a request that waits. */
  answer(): Promise<Answer> {
    return new Promise((resolve) => {
      if (this.#early === undefined) this.#answer = resolve;
      else resolve(this.#early);
      this.#early = undefined;
    });
  }

  answered(answer: Answer): void {
    if (this.#answer) this.#answer(answer);
    else this.#early = answer;
    this.#answer = undefined;
  }

  /** Gives the slot back, or leaves the queue. */
  release(): void {
    this.#core.release(this, this.isUsed);
  }
}
