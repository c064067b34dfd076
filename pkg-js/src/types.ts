/** The options and records of the public API. */

/** Time limits in milliseconds; 0 means no limit. */
export interface Timeouts {
  /**
   * The longest wait for a slot.
   * @default 0
   */
  queue?: number;
  /**
   * The longest time of each attempt, from its slot to the response's head.
   * @default 0
   */
  head?: number;
  /**
   * The longest wait for the next piece of the response's body while the body is being read. The Response is then made by this
   * package, with a watched body, as with `onDownloadProgress`.
   * @default 0
   */
  idle?: number;
  /**
   * The longest time from the first slot of the request to the end of the response's body: all attempts, and the waits between them. The
   * first wait in the queue does not count. A number as `timeout` sets this limit.
   * @default 0
   */
  request?: number;
  /**
   * The longest time from the call to the end of the response's body: as `request`, and the first wait in the queue.
   * @default 0
   */
  total?: number;
}

/** A limit for the number of requests that start in a time: a bucket of tokens that fills evenly. */
export interface Rate {
  /** The number of requests that may start in each `per`. */
  requests: number;
  /** The time in milliseconds. */
  per: number;
  /**
   * The number of requests that may start at once after a pause.
   * @default requests
   */
  burst?: number;
}

/** An attempt that has ended, for `retry.when`. */
export interface RetryContext {
  readonly request: Request;
  /** The server's response. Its body must not be read. */
  readonly response?: Response;
  /** The error of an attempt without a response. */
  readonly error?: unknown;
  /** The number of the attempt; the first is 1. */
  readonly attempt: number;
  /** Whether another attempt would follow without `when`. */
  readonly default: boolean;
}

/** When a request is tried again. A request whose body can be read only once is never tried again. */
export interface RetryOptions {
  /**
   * The largest number of attempts, the first included.
   * @default 3
   */
  attempts?: number;
  /**
   * The methods that may be repeated, in upper case.
   * @default ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"]
   */
  methods?: readonly string[];
  /**
   * The statuses that another attempt may change.
   * @default [408, 425, 429, 500, 502, 503, 504]
   */
  statusCodes?: readonly number[];
  /**
   * The longest wait before the second attempt, in milliseconds. It doubles with each further attempt. The wait is a random time up
   * to that.
   * @default 200
   */
  baseDelay?: number;
  /**
   * The longest wait before any attempt, in milliseconds, also if the server asks for a longer wait (`Retry-After`).
   * @default 30000
   */
  maxDelay?: number;
  /** Decides in place of methods and statuses. The number of attempts and the limits `request` and `total` still apply. */
  when?: (context: RetryContext) => boolean;
}

/** The progress of a body. */
export interface Progress {
  /** The number of bytes so far. */
  readonly bytes: number;
  /**
   * The number of all bytes, if it is known. A page cannot see that a body of another origin is compressed: there it is the number of
   * compressed bytes.
   */
  readonly total?: number;
}

/** The argument of hooks. */
export interface HookContext {
  readonly request: Request;
  /** The number of the attempt; the first is 1. */
  readonly attempt: number;
}

/**
 * Functions that are called around a request.
 *
 * A returned promise is awaited, within the request's limits. If no hook returns a promise, the platform is called in the same turn.
 */
export interface Hooks {
  /** Called before each attempt. A returned Request is sent in place of the request. A returned Response is used as the response. */
  beforeRequest?: (context: HookContext) => Request | Response | void | Promise<Request | Response | void>;
  /** Called before each attempt but the first, before `beforeRequest`. Gets the outcome of the last attempt. */
  beforeRetry?: (context: HookContext & { readonly status?: number; readonly error?: unknown }) => void | Promise<void>;
  /** Called after each response. A returned Response is used in place of the response. */
  afterResponse?: (context: HookContext & { readonly response: Response }) => Response | void | Promise<Response | void>;
  /** Called when a request has failed and is not tried again. Errors of this hook are ignored. */
  onError?: (context: HookContext & { readonly error: unknown }) => void;
}

/** Options of a request. They take precedence over the options of its client. */
export interface FetchOptions {
  /** Time limits. A number is the limit `request` in milliseconds. */
  timeout?: number | Timeouts;
  /**
   * The priority from -32768 to 32767. Requests with a higher priority go first: each step counts as ten seconds of waiting.
   * @default 0
   */
  priority?: number;
  /**
   * When the request is tried again. A number is the number of attempts.
   * @default 1
   */
  retry?: number | RetryOptions;
  /**
   * Whether a status of 400 or above rejects, with a `WaterspoutError` of code `"STATUS"`.
   * @default false
   */
  throwHttpErrors?: boolean;
  /**
   * Called for each piece of the response's body that is read. The Response is then made by this package, with a counted body and the
   * same `url`, `type` and `redirected`.
   */
  onDownloadProgress?: (progress: Progress) => void;
  /**
   * Called as the request's body is sent: for each piece of a stream, and for other bodies at the start and at the response's head.
   * The length of a `FormData` is unknown, so only its start is reported. The body of a `Request` is not reported.
   */
  onUploadProgress?: (progress: Progress) => void;
  /** Functions called around the request. Hooks of the client that are not set here stay in place. */
  hooks?: Hooks;
}

/** Options of a client. */
export interface ClientOptions extends FetchOptions {
  /**
   * The number of requests that run at once. Further requests wait, first come, first served. A request runs until its response's
   * head has arrived.
   * @default 10
   */
  maxActive?: number;
  /**
   * The number of requests to the same origin that run at once.
   * @default no further limit
   */
  maxActivePerOrigin?: number;
  /**
   * The number of requests that may wait. Further requests reject with code `"QUEUE_FULL"`.
   * @default no limit
   */
  maxQueued?: number;
  /**
   * The number of requests that may start in a time.
   * @default no limit
   */
  rateLimit?: Rate;
  /**
   * The number of requests to the same origin that may start in a time.
   * @default no limit
   */
  rateLimitPerOrigin?: Rate;
  /**
   * The function that sends the requests. A function other than the platform's gets a Request, and as second argument the members of
   * `init` that only the platform knows.
   * @default globalThis.fetch at the time when the client is made
   */
  fetch?: typeof globalThis.fetch;
  /**
   * The function that sends the requests where WebAssembly is not available: at once, and without any option of this package.
   * @default none: the request rejects with code `"UNSUPPORTED"`
   */
  fallback?: typeof globalThis.fetch;
}

/** The second argument of `client.fetch`: the platform's members, and the members of this package. */
export interface WaterspoutInit extends Omit<RequestInit, "body"> {
  /** The body, or a function that makes the body anew for each attempt. */
  body?: RequestInit["body"] | (() => NonNullable<RequestInit["body"]>);
  /** Options of this request. The platform does not see them. */
  waterspout?: FetchOptions;
}

/** The second argument of the shortcuts (`client.get` and so on). Only a single body may be set: `json`, `form` or `body`. */
export interface ShortcutInit extends Omit<WaterspoutInit, "method"> {
  /** A value that is sent as JSON. Its content type is set unless `headers` has a content type. */
  json?: unknown;
  /** Pairs that are sent as a form. */
  form?: Record<string, string> | string[][] | URLSearchParams;
  /** Pairs that are added to the URL's query. */
  searchParams?: Record<string, string> | string[][] | URLSearchParams | string;
}

/** A promise of a Response, with methods that read the response's body. */
export interface ResponsePromise extends Promise<Response> {
  json<T = unknown>(): Promise<T>;
  text(): Promise<string>;
}

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

/** A step in a request's life. No step follows `head`, `failed` and `cancelled`. */
export interface QueueEvent {
  /** The request's number, from 1, in the order of the calls. */
  readonly id: number;
  /**
   * - `queued`: the request waits for a slot.
   * - `started`: it has a slot.
   * - `waiting`: it waits before another attempt.
   * - `head`: its response's head has arrived.
   * - `failed`: it has failed.
   * - `cancelled`: it was aborted.
   */
  readonly stage: "queued" | "started" | "waiting" | "head" | "failed" | "cancelled";
  readonly url: string;
  readonly origin: string;
  readonly priority: number;
  /** The time of `performance.now()`. */
  readonly at: number;
  /** The error because of which the request failed, was aborted, or waits before another attempt. */
  readonly error?: unknown;
  /** The status of the response because of which the request waits before another attempt. */
  readonly status?: number;
}
