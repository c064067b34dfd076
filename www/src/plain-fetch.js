/** A volley once more, with plain fetch: no client, all at once, nothing tried again. */
import { readToEnd } from "./read-body.js";
import { Life } from "./tracked-request.js";
import { whatEnded } from "./problem.js";
import { senderOf, urlOf } from "./target.js";

/** @typedef {import("./runner.js").Volley} Volley */

export class PlainRun {
  /** @type {Life[]} */
  lives = [];
  running = 0;
  began = 0;
  onIdle = () => {};
  #runs = 0;

  /** Milliseconds since it began. */
  now() {
    return performance.now() - this.began;
  }

  /** @param {Volley} volley */
  start({ settings, plans, lives }) {
    this.clear();
    this.began = performance.now();
    const run = ++this.#runs;
    const send = senderOf(settings).fetch ?? ((input, init) => fetch(input, init));
    this.lives = plans.map((plan, index) => {
      const { number } = lives[index];
      return new Life(number, urlOf(settings, plan, number, `plain-${run}`), plan, 0, () => {});
    });
    this.running = this.lives.length;
    for (const life of this.lives) void this.#follow(life, send, run);
  }

  abort() {
    for (const life of this.lives) if (!life.over) life.abort();
  }

  clear() {
    this.abort();
    this.lives = [];
    this.running = 0;
    this.#runs += 1;
  }

  /**
   * @param {Life} life
   * @param {typeof fetch} send
   * @param {number} run
   */
  async #follow(life, send, run) {
    life.enter("active", this.now());
    try {
      const response = await send(life.url, { cache: "no-store", signal: life.signal });
      life.enter("streaming", this.now());
      const end = await readToEnd(life, response, () => {});
      life.end(this.now(), ...end);
    } catch (error) {
      life.end(this.now(), ...whatEnded(error, life));
    }
    // A run that has been put away counts no more.
    if (run !== this.#runs) return;
    this.running -= 1;
    if (this.running === 0) this.onIdle();
  }
}
