/** The slot of a request: the wait for it, and its return. */
import type { Answer, Core, Instance, Waiter } from "./core.js";

export class Slot implements Waiter {
  instance: Instance | undefined;
  // The core sets these members. With `declare`, the compiler emits no fields.
  declare ticket: number;
  declare request: number;
  declare since: number;
  declare hasSlot: boolean;
  /** Whether the request was sent in the present slot. If not, rates do not count its start. */
  isUsed = false;
  /** The answer to a request that waits. */
  declare answer: Promise<Answer>;
  declare answered: (answer: Answer) => void;
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Takes a slot, or joins the queue. */
  acquire(origin: string, priority: number, isRetry: boolean): Answer {
    this.isUsed = false;
    return this.#core.acquire(this, origin, priority, isRetry);
  }

  wait(): void {
    this.answer = new Promise((resolve) => (this.answered = resolve));
  }

  /** Gives the slot back, or leaves the queue. */
  release(): void {
    this.#core.release(this, this.isUsed);
  }
}
