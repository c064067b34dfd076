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

/**
 * A step in a request's life. No step follows `done`, `failed` and `cancelled`, and each request has one of these, unless its response's
 * head arrived while the client had no observer.
 */
export interface QueueEvent {
  /** The request's number, from 1, in the order of the calls. */
  readonly id: number;
  /**
   * - `queued`: the request waits for a slot.
   * - `started`: it has a slot.
   * - `waiting`: it waits before another attempt.
   * - `head`: its response's head has arrived.
   * - `done`: the response's body has been read to its end. It follows `head` at once if there is no body, or if the end of the body cannot
   *   be seen: an opaque response, or an object of a `fetch` of the caller's own that cannot be watched.
   * - `failed`: it has failed, before the head or within the body.
   * - `cancelled`: it was aborted, or its body was cancelled. Some time after the response was collected, this also follows for a body that
   *   was not read to its end by a method or the stream of the response, for example if a cache has read it.
   */
  readonly stage: "queued" | "started" | "waiting" | "head" | "done" | "failed" | "cancelled";
  readonly method: string;
  readonly url: string;
  readonly origin: string;
  readonly priority: number;
  /** The time of `performance.now()`. */
  readonly at: number;
  /** The milliseconds since the call. In the last step, it is the time of the whole request, with all waits and attempts and the body. */
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
