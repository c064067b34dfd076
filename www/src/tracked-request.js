/** A request as the page tracks it: its state, the time spans of its phases, its result. */

/**
 * @typedef {"queued" | "active" | "waiting" | "streaming"} Phase
 * @typedef {"done" | "failed" | "timed-out" | "aborted"} Outcome
 * @typedef {Phase | Outcome} State
 * @typedef {{ title: string, text: string }} Problem
 * @typedef {{ outcome: Outcome, problem?: Problem }} Result
 * @typedef {{ phase: Phase, from: number, to?: number }} Span
 */

/** The phases, in the order of the page. */
export const phases = /** @type {const} */ (["queued", "active", "waiting", "streaming"]);

/** The possible outcomes, in the order of the page. */
export const outcomes = /** @type {const} */ (["done", "failed", "timed-out", "aborted"]);

export class TrackedRequest {
  /** @type {State} */
  state = "queued";
  /** The spans in the order of time. A retried request has several spans with the same phase. @type {Span[]} */
  spans = [];
  /** The time of the end, in milliseconds; undefined while the request runs. @type {number | undefined} */
  ended;
  /** The number of calls of the platform's fetch. */
  attempts = 0;
  /** The bytes of the body read so far. */
  bytes = 0;
  /** @type {number | undefined} */
  status;
  /** @type {Problem | undefined} */
  problem;
  #controller = new AbortController();

  /**
   * @param {number} number the number of the request; the first request of the page has number 1
   * @param {string} url
   * @param {import("./request-spec.js").RequestSpec} spec
   * @param {number} began the time of the start, in milliseconds
   * @param {(request: TrackedRequest) => void} onChange called after each change of the state
   */
  constructor(number, url, spec, began, onChange) {
    this.number = number;
    this.url = url;
    this.spec = spec;
    this.began = began;
    this.onChange = onChange;
  }

  /** The signal that `abort` triggers. */
  get signal() {
    return this.#controller.signal;
  }

  get isEnded() {
    return this.ended !== undefined;
  }

  abort() {
    this.#controller.abort();
  }

  /**
   * Enters a phase. Does nothing after the end: a response can arrive after a timeout ended the request.
   *
   * @param {Phase} phase
   * @param {number} time
   */
  enter(phase, time) {
    if (this.isEnded) return;
    this.#closeSpan(time);
    this.spans.push({ phase, from: time });
    if (phase === "active") this.attempts += 1;
    this.#setState(phase);
  }

  /**
   * Ends the request. Does nothing if the request has ended already.
   *
   * @param {number} time
   * @param {Result} result
   */
  end(time, { outcome, problem }) {
    if (this.isEnded) return;
    this.#closeSpan(time);
    this.ended = time;
    this.problem = problem;
    this.#setState(outcome);
  }

  /** @param {number} time */
  #closeSpan(time) {
    const span = this.spans.at(-1);
    if (span) span.to = time;
  }

  /** @param {State} state */
  #setState(state) {
    this.state = state;
    this.onChange(this);
  }
}
