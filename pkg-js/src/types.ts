/** The options and records of the public API. */

/** Time limits in milliseconds; 0 means none. */
export interface Timeouts {
  /**
   * The longest wait for a slot.
   * @default 0
   */
  queue?: number;
  /**
   * The longest time from the start of the platform's fetch to the response's head.
   * @default 0
   */
  head?: number;
  /**
   * The longest time from the call to the end of the response's body.
   * @default 0
   */
  total?: number;
}

/** Settings of a client. */
export interface ClientOptions {
  /**
   * How many requests run at once; further ones wait, first come, first served. A request runs until its
   * response's head is here.
   * @default 10
   */
  maxActive?: number;
  /**
   * Time limits of each request; a number is the total one, in milliseconds.
   * @default no limits
   */
  timeout?: number | Timeouts;
  /**
   * What makes the requests.
   * @default globalThis.fetch, as it is when the client is made
   */
  fetch?: typeof globalThis.fetch;
}

/** Settings of one request, over its client's. */
export interface FetchOptions {
  /** Time limits of this request; a number is the total one, in milliseconds. */
  timeout?: number | Timeouts;
}

/** What `client.fetch` takes beyond the platform's own members. */
export interface WaterspoutInit extends RequestInit {
  /** Settings of this request; the platform does not see them. */
  waterspout?: FetchOptions;
}

/** How many requests run and how many wait. */
export interface ClientStats {
  /** Requests that hold a slot. */
  readonly active: number;
  /** Requests that wait for one. */
  readonly queued: number;
}
