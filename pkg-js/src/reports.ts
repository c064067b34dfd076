/** What a client reports: statistics, and the steps of its requests. */

/** How long requests waited for their slots, in milliseconds. */
export interface WaitTimes {
  /** The number of requests that had a slot so far. */
  readonly count: number;
  readonly mean: number;
  readonly longest: number;
  /** The number of requests that did not wait, then of waits up to 1 ms, 2 ms, 4 ms and so on to 2²⁰ ms, then of longer waits. */
  readonly buckets: readonly number[];
}

/** The numbers of running and waiting requests of an origin. */
export interface OriginStats {
  readonly origin: string;
  readonly active: number;
  readonly queued: number;
}

/** The numbers of running and waiting requests. */
export interface ClientStats {
  /** The number of requests that hold a slot. */
  readonly active: number;
  /** The number of requests that wait for a slot. */
  readonly queued: number;
  /** How long requests waited for their slots. */
  readonly waits: WaitTimes;
  /** The numbers for each origin that has running or waiting requests. */
  readonly origins: readonly OriginStats[];
}

/** A step in a request's life. No step follows `done`, `failed` and `cancelled`. */
export interface QueueEvent {
  /** The request's number, from 1, in the order of the calls. */
  readonly id: number;
  /**
   * - `queued`: the request waits for a slot.
   * - `started`: it has a slot.
   * - `waiting`: it waits before another attempt.
   * - `head`: its response's head has arrived.
   * - `done`: the response's body has been read to its end, by a method or the stream of the response. This step follows `head` at once
   *   if the response has no body, is opaque or is no `Response` of the platform, or if a hook has read the body.
   * - `failed`: the request has failed, before the head or within the body.
   * - `cancelled`: the request was aborted, its body was cancelled, or its response was dropped before the end of the body. A dropped
   *   response is reported some time after it was collected, if the client is alive and the engine has a `FinalizationRegistry`.
   */
  readonly stage: "queued" | "started" | "waiting" | "head" | "done" | "failed" | "cancelled";
  readonly method: string;
  readonly url: string;
  readonly origin: string;
  readonly priority: number;
  /** The time of `performance.now()`. */
  readonly at: number;
  /** The milliseconds since the call, with all waits and attempts. In the last step, they include the body. */
  readonly duration: number;
  /** The milliseconds that the request waited for its first slot. Absent before it has a slot. */
  readonly queueWait?: number;
  /** The number of attempts that have begun. Redirects do not count: no engine shows them. */
  readonly attempts: number;
  /** The error because of which the request failed, was aborted, or waits before another attempt. */
  readonly error?: unknown;
  /** The status of the response: from `head` on, in `failed` because of the status, and in `waiting` if the request waits because of it. */
  readonly status?: number | undefined;
}
