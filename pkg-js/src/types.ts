/** The options and records of the public API. */

/** Time limits in milliseconds; 0 means none. */
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
   * The longest wait for the next piece of the response's body while somebody reads it. The Response is then one of ours with
   * a watched body, as with `onDownloadProgress`.
   * @default 0
   */
  idle?: number;
  /**
   * The longest time from the call to the end of the response's body: all attempts, and the waits before them.
   * @default 0
   */
  total?: number;
}

/** How many requests may start in a time: a bucket of tokens, filled evenly. */
export interface Rate {
  /** How many in each `per`. */
  requests: number;
  /** The time, in milliseconds. */
  per: number;
  /**
   * How many may start at once after a pause.
   * @default requests
   */
  burst?: number;
}

/** An attempt that has ended, for `retry.when`. */
export interface Occasion {
  readonly request: Request;
  /** What the server answered; its body must not be read. */
  readonly response?: Response;
  /** Why there is no answer. */
  readonly error?: unknown;
  /** Which attempt it was; the first is 1. */
  readonly attempt: number;
  /** Whether it would be tried again without `when`. */
  readonly default: boolean;
}

/** When a request is tried again. One whose body can be read only once never is. */
export interface RetryOptions {
  /**
   * How many attempts are made at most, the first included.
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
   * The longest wait before the second attempt, in milliseconds; it doubles with each. The wait is any time up to that.
   * @default 200
   */
  baseDelay?: number;
  /**
   * The longest wait before any attempt, in milliseconds, be it ours or the server's (`Retry-After`).
   * @default 30000
   */
  maxDelay?: number;
  /** Decides instead of methods and statuses; the number of attempts and the total limit still count. */
  when?: (occasion: Occasion) => boolean;
}

/** How far a body is. */
export interface Progress {
  /** Bytes so far. */
  readonly bytes: number;
  /** All bytes, if that is known; of a compressed body of another origin, of which pages are not told that it is, the compressed ones. */
  readonly total?: number;
}

/** What hooks are told. */
export interface HookContext {
  readonly request: Request;
  /** Which attempt it is; the first is 1. */
  readonly attempt: number;
}

/**
 * Functions that are called around a request. Those that return a promise are waited for, within the request's limits; as long
 * as none does, the platform is called in the same turn.
 */
export interface Hooks {
  /** Before each attempt. A Request is sent instead; a Response is taken for the answer. */
  beforeRequest?: (context: HookContext) => Request | Response | void | Promise<Request | Response | void>;
  /** Before each attempt but the first, and before `beforeRequest`; with what became of the one before. */
  beforeRetry?: (context: HookContext & { readonly status?: number; readonly error?: unknown }) => void | Promise<void>;
  /** After each answer. A Response is taken instead. */
  afterResponse?: (context: HookContext & { readonly response: Response }) => Response | void | Promise<Response | void>;
  /** After a request failed for good. What it throws is ignored. */
  onError?: (context: HookContext & { readonly error: unknown }) => void;
}

/** Settings of one request, over its client's. */
export interface FetchOptions {
  /** Time limits; a number is the total one, in milliseconds. */
  timeout?: number | Timeouts;
  /**
   * Who goes first, from -32768 to 32767: a step is worth ten seconds of waiting.
   * @default 0
   */
  priority?: number;
  /**
   * When it is tried again; a number is that of attempts.
   * @default 1
   */
  retry?: number | RetryOptions;
  /**
   * Whether a status of 400 or above rejects, with a `WaterspoutError` of code `"STATUS"`.
   * @default false
   */
  throwHttpErrors?: boolean;
  /**
   * Told of each piece of the response's body that is read. The Response is then one of ours with a counted body; `url`,
   * `type` and `redirected` are kept.
   */
  onDownloadProgress?: (progress: Progress) => void;
  /**
   * Told how much of the request's body was sent: piece by piece if it is a stream, else at the start and at the head. How long a
   * `FormData` is nobody tells, so that only its start is told; of a body that comes with a `Request`, nothing is.
   */
  onUploadProgress?: (progress: Progress) => void;
  /** Called around the request; those of the client that are not set here are kept. */
  hooks?: Hooks;
}

/** Settings of a client. */
export interface ClientOptions extends FetchOptions {
  /**
   * How many requests run at once; further ones wait, first come, first served. A request runs until its
   * response's head is here.
   * @default 10
   */
  maxActive?: number;
  /**
   * How many of them may have the same origin.
   * @default no limit of its own
   */
  maxActivePerOrigin?: number;
  /**
   * How many requests may wait; further ones reject with code `"QUEUE_FULL"`.
   * @default no limit
   */
  maxQueued?: number;
  /**
   * How many requests may start in a time.
   * @default no limit
   */
  rateLimit?: Rate;
  /**
   * How many requests to the same origin may start in a time.
   * @default no limit
   */
  rateLimitPerOrigin?: Rate;
  /**
   * What makes the requests. One of your own is given a Request, and beside it what only the platform knows.
   * @default globalThis.fetch, as it is when the client is made
   */
  fetch?: typeof globalThis.fetch;
  /**
   * What makes them where WebAssembly cannot be had: at once, with no setting of ours.
   * @default none: the request rejects with code `"UNSUPPORTED"`
   */
  fallback?: typeof globalThis.fetch;
}

/** What `client.fetch` takes beyond the platform's own members. */
export interface WaterspoutInit extends Omit<RequestInit, "body"> {
  /** The body, or a function that makes it anew for each attempt. */
  body?: RequestInit["body"] | (() => NonNullable<RequestInit["body"]>);
  /** Settings of this request; they mean nothing to the platform. */
  waterspout?: FetchOptions;
}

/** What the shortcuts (`client.get` and so on) take beyond that; of `json`, `form` and `body` one. */
export interface ShortcutInit extends Omit<WaterspoutInit, "method"> {
  /** Sent as JSON, with its content type unless another is set. */
  json?: unknown;
  /** Sent as a form. */
  form?: Record<string, string> | string[][] | URLSearchParams;
  /** Added to the URL's query. */
  searchParams?: Record<string, string> | string[][] | URLSearchParams | string;
}

/** A promise of a Response that can be read in one go. */
export interface ResponsePromise extends Promise<Response> {
  json<T = unknown>(): Promise<T>;
  text(): Promise<string>;
}

/** How long requests waited for their slots, in milliseconds. */
export interface WaitTimes {
  /** How many requests had a slot so far. */
  readonly count: number;
  readonly mean: number;
  readonly longest: number;
  /** How many waited not at all, then up to 1 ms, 2 ms, 4 ms and so on to 2²⁰ ms, then the rest. */
  readonly buckets: readonly number[];
}

/** How many requests of an origin run and wait. */
export interface OriginStats {
  readonly origin: string;
  readonly active: number;
  readonly queued: number;
}

/** How many requests run and wait. */
export interface ClientStats {
  /** Requests that hold a slot. */
  readonly active: number;
  /** Requests that wait for one. */
  readonly queued: number;
  /** How long those that had one waited for it. */
  readonly waits: WaitTimes;
  /** The same by origin, for those that have any. */
  readonly origins: readonly OriginStats[];
}

/** A step in a request's life. After `head`, `failed` and `cancelled` nothing follows. */
export interface QueueEvent {
  /** The request's number, from 1, in the order in which requests came to the client. */
  readonly id: number;
  /**
   * It waits for a slot, it has one, it waits before another attempt, its response is here, it failed, or it was aborted.
   */
  readonly stage: "queued" | "started" | "waiting" | "head" | "failed" | "cancelled";
  readonly url: string;
  readonly origin: string;
  readonly priority: number;
  /** When, as `performance.now()` tells it. */
  readonly at: number;
  /** Why it failed, was aborted, or waits before another attempt. */
  readonly error?: unknown;
  /** The answer because of which it waits before another attempt. */
  readonly status?: number;
}
