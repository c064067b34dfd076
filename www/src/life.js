/** The life of one request: its state, and when each phase began. */

/**
 * @typedef {"queued" | "active" | "streaming"} Phase
 * @typedef {"done" | "failed" | "timed-out" | "aborted"} End
 * @typedef {Phase | End} State
 * @typedef {{ title: string, text: string }} Problem
 */

/** The phases, in their order. */
export const phases = /** @type {const} */ (["queued", "active", "streaming"]);

/** The ends that a request can come to. */
export const ends = /** @type {const} */ (["done", "failed", "timed-out", "aborted"]);

export class Life {
  /** @type {State} */
  state = "queued";
  /** When each phase began. @type {Partial<Record<Phase, number>>} */
  began = {};
  /** @type {number | undefined} */
  ended;
  /** Bytes of the body read so far. */
  bytes = 0;
  /** @type {number | undefined} */
  status;
  /** @type {Problem | undefined} */
  problem;
  #controller = new AbortController();

  /**
   * @param {number} number counted from 1 for the page's whole life
   * @param {string} url
   * @param {typeof fetch} send what makes the request once it has a slot
   * @param {() => number} now
   * @param {(life: Life) => void} onChange told of each new state
   */
  constructor(number, url, send, now, onChange) {
    this.number = number;
    this.url = url;
    this.send = send;
    this.now = now;
    this.onChange = onChange;
    this.began.queued = now();
  }

  get signal() {
    return this.#controller.signal;
  }

  get over() {
    return this.ended !== undefined;
  }

  abort() {
    this.#controller.abort();
  }

  /**
   * What comes after the end does not count: a response may arrive when its time is up already.
   *
   * @param {"active" | "streaming"} phase
   */
  enter(phase) {
    if (this.over) return;
    this.began[phase] = this.now();
    this.#turn(phase);
  }

  /**
   * Only the first end counts.
   *
   * @param {End} end
   * @param {Problem} [problem]
   */
  end(end, problem) {
    if (this.over) return;
    this.ended = this.now();
    this.problem = problem;
    this.#turn(end);
  }

  /** @param {State} state */
  #turn(state) {
    this.state = state;
    this.onChange(this);
  }
}
