/** The life of one request: its state, and the spans of its phases. */

/**
 * @typedef {"queued" | "active" | "waiting" | "streaming"} Phase
 * @typedef {"done" | "failed" | "timed-out" | "aborted"} End
 * @typedef {Phase | End} State
 * @typedef {{ title: string, text: string }} Problem
 * @typedef {{ phase: Phase, from: number, to?: number }} Span
 */

/** The phases, in the order in which they are told. */
export const phases = /** @type {const} */ (["queued", "active", "waiting", "streaming"]);

/** The ends that a request can come to. */
export const ends = /** @type {const} */ (["done", "failed", "timed-out", "aborted"]);

export class Life {
  /** @type {State} */
  state = "queued";
  /** One after the other; a request that is tried again has the same phase more than once. @type {Span[]} */
  spans = [];
  /** @type {number | undefined} */
  ended;
  /** How often the platform was asked. */
  attempts = 0;
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
   * @param {import("./request-spec.js").Plan} plan
   * @param {number} began
   * @param {(life: Life) => void} onChange told of each new state
   */
  constructor(number, url, plan, began, onChange) {
    this.number = number;
    this.url = url;
    this.plan = plan;
    this.began = began;
    this.onChange = onChange;
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
   * @param {Phase} phase
   * @param {number} at
   */
  enter(phase, at) {
    if (this.over) return;
    this.#close(at);
    this.spans.push({ phase, from: at });
    if (phase === "active") this.attempts += 1;
    this.#turn(phase);
  }

  /**
   * Only the first end counts.
   *
   * @param {number} at
   * @param {End} end
   * @param {Problem} [problem]
   */
  end(at, end, problem) {
    if (this.over) return;
    this.#close(at);
    this.ended = at;
    this.problem = problem;
    this.#turn(end);
  }

  /** @param {number} at */
  #close(at) {
    const span = this.spans.at(-1);
    if (span) span.to = at;
  }

  /** @param {State} state */
  #turn(state) {
    this.state = state;
    this.onChange(this);
  }
}
