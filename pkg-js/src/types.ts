/** The options of the public API. */
export type * from "./reports.js";

/** Time limits in milliseconds. 0, `Infinity` and `false` mean no limit. */
export interface Timeouts {
  /**
   * The longest wait for a slot.
   * @default 0
   */
  queue?: number | false | undefined;
  /**
   * The longest time of each attempt, from its slot to the response's head.
   * @default 0
   */
  head?: number | false | undefined;
  /**
   * The longest wait for the next piece of the response's body while the body is being read. The Response is then made by this
   * package, with a watched body, as with `onDownloadProgress`.
   * @default 0
   */
  idle?: number | false | undefined;
  /**
   * The longest time from the first slot of the request to the end of the response's body: all attempts, and the waits between them. The
   * first wait in the queue does not count. A number as `timeout` sets this limit.
   * @default 0
   */
  request?: number | false | undefined;
  /**
   * The longest time from the call to the end of the response's body: as `request`, and the first wait in the queue.
   * @default 0
   */
  total?: number | false | undefined;
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
  burst?: number | undefined;
}

/** An attempt that has ended, for `retry.when`. */
export interface RetryContext {
  readonly request: Request;
  /** The server's response. Its body must not be read. */
  readonly response?: Response | undefined;
  /** The error of an attempt without a response. */
  readonly error?: unknown;
  /** The number of the attempt; the first is 1. */
  readonly attempt: number;
  /** Whether another attempt would follow without `when`. */
  readonly default: boolean;
}

/**
 * When a request is tried again.
 *
 * The body of a `Request` argument is kept for this, up to 1 MiB. A request whose body cannot be sent again is not tried again.
 */
export interface RetryOptions {
  /**
   * The largest number of attempts, the first included. 0 and 1 mean no retry, `Infinity` means no limit.
   * @default 3
   */
  attempts?: number | undefined;
  /**
   * The methods that may be repeated.
   * @default ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"]
   */
  methods?: readonly string[] | undefined;
  /**
   * The statuses that another attempt may change.
   * @default [408, 425, 429, 500, 502, 503, 504]
   */
  statusCodes?: readonly number[] | undefined;
  /**
   * The longest wait before the second attempt, in milliseconds. It doubles with each further attempt. The wait is a random time up
   * to that.
   * @default 200
   */
  baseDelay?: number | undefined;
  /**
   * The longest wait before any attempt, in milliseconds, also if the server asks for a longer wait (`Retry-After`).
   * @default 30000
   */
  maxDelay?: number | undefined;
  /**
   * Decides in place of methods and statuses. The number of attempts and the limits `request` and `total` still apply.
   *
   * A returned number is the wait before the next attempt, in milliseconds; `maxDelay` does not shorten it. A promise is awaited.
   */
  when?: ((context: RetryContext) => boolean | number | Promise<boolean | number>) | undefined;
}

/** The progress of a body. */
export interface Progress {
  /** The number of bytes so far. */
  readonly bytes: number;
  /**
   * The number of all bytes, if it is known. A page cannot see that a body of another origin is compressed: there it is the number of
   * compressed bytes.
   */
  readonly total?: number | undefined;
}

/** The argument of hooks. */
export interface HookContext {
  readonly request: Request;
  /** The number of the attempt; the first is 1. */
  readonly attempt: number;
  /**
   * Sends another request at once, for example to refresh a token: without the queue, a slot, hooks and retries.
   *
   * The request ends with the signal and the time limits of the request that the hook belongs to. A relative URL resolves against
   * `baseUrl`. The client's default headers are not added.
   */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
}

/** The argument of `beforeRetry`: the outcome of the last attempt. */
export interface BeforeRetryContext extends HookContext {
  /** The number of the next attempt, from 2. */
  readonly attempt: number;
  /** The response's status, if the attempt had a response. */
  readonly status?: number | undefined;
  /** The response, if the attempt had a response. */
  readonly response?: Response | undefined;
  /** The error of an attempt without a response. */
  readonly error?: unknown;
  /** The wait before the next attempt, in milliseconds. */
  readonly delay: number;
}

/** The argument of `afterResponse`. */
export interface AfterResponseContext extends HookContext {
  readonly response: Response;
  /**
   * Asks for another attempt: the hook returns the result of this function.
   *
   * `request` is sent in place of the request. `delay` is the wait in milliseconds, 0 by default. The number of attempts is at most
   * `retry.attempts`, or 3 if `retry` is not set; after the last attempt the response at hand is returned.
   */
  readonly retry: (options?: { readonly request?: Request | undefined; readonly delay?: number | undefined }) => AnotherAttempt;
}

/**
 * The argument of `onError`. The request has ended, so it does not end what `fetch` sends.
 *
 * `request` is undefined if the URL is relative and only the option `fetch` knows its base.
 */
export interface OnErrorContext extends HookContext {
  readonly error: unknown;
}

/** What `retry` of the hook `afterResponse` returns. */
export interface AnotherAttempt {
  readonly request: Request | undefined;
  /** The wait in milliseconds. */
  readonly delay: number;
}

type Awaitable<Value> = Value | Promise<Value>;

export type BeforeRequestHook = (context: HookContext) => Awaitable<Request | Response | void>;
export type BeforeRetryHook = (context: BeforeRetryContext) => Awaitable<Request | false | void>;
export type AfterResponseHook = (context: AfterResponseContext) => Awaitable<Response | AnotherAttempt | void>;
export type OnErrorHook = (context: OnErrorContext) => Awaitable<void>;

/**
 * Functions that are called around a request: each a function, or an array of functions that are called in order.
 *
 * The hooks of a request are called after the hooks of its client. A returned promise is awaited, within the request's limits. If no
 * hook returns a promise, the platform is called in the same turn.
 */
export interface Hooks {
  /**
   * Called before each attempt. A returned Request is passed to the next hook and sent in place of the request. A returned Response is
   * used as the response; no further hook of this kind is called then.
   */
  beforeRequest?: BeforeRequestHook | readonly BeforeRequestHook[] | undefined;
  /**
   * Called when another attempt is decided, before the wait. A returned Request is sent in place of the request. `false` stops the
   * retries: the outcome at hand is final.
   */
  beforeRetry?: BeforeRetryHook | readonly BeforeRetryHook[] | undefined;
  /**
   * Called after each response. A returned Response is used in place of the response. The result of `retry` asks for another
   * attempt.
   */
  afterResponse?: AfterResponseHook | readonly AfterResponseHook[] | undefined;
  /** Called when a request has failed and is not tried again. Errors of this hook are ignored. */
  onError?: OnErrorHook | readonly OnErrorHook[] | undefined;
}

/** Options of a request. They take precedence over the options of its client. */
export interface FetchOptions {
  /**
   * Time limits. A number is the limit `request` in milliseconds. `false` removes all limits. An object sets its members, and the
   * other limits of the client stay in place.
   * @default false
   */
  timeout?: number | false | Timeouts | undefined;
  /**
   * The priority from -32768 to 32767. Requests with a higher priority go first: each step counts as ten seconds of waiting.
   * @default 0
   */
  priority?: number | undefined;
  /**
   * When the request is tried again. A number is the number of attempts. 0, 1 and `false` mean no retry. An object sets its members, and
   * the other members of the client stay in place.
   * @default false
   */
  retry?: number | false | RetryOptions | undefined;
  /**
   * Whether a status of 400 or above rejects, with a `WaterspoutError` of code `"STATUS"`.
   * @default false
   */
  throwHttpErrors?: boolean | undefined;
  /**
   * When the request's slot is free again: at the response's head (`"head"`), or when the response's body has been read to its end,
   * has failed or was cancelled (`"body"`). A response whose body is not being read 1,000 ms after the head frees its slot too.
   * @default "head" for `client.fetch`, "body" for `client.get` and the other shortcuts
   */
  slot?: "head" | "body" | undefined;
  /**
   * Called for each piece of the response's body that is read. The Response is then made by this package, with a counted body and the
   * same `url`, `type` and `redirected`.
   */
  onDownloadProgress?: ((progress: Progress) => void) | undefined;
  /**
   * Called as the request's body is sent: for each piece of a stream, and for other bodies at the start and at the response's head.
   * The body of a `Request` is not reported.
   */
  onUploadProgress?: ((progress: Progress) => void) | undefined;
  /** Functions called around the request, after the hooks of the client. */
  hooks?: Hooks | undefined;
}

/** Headers of the platform. A member `undefined` of a plain object removes the client's default header. */
export type HeadersOption = RequestInit["headers"] | { readonly [name: string]: string | undefined };

/** A value of a query or a form. `undefined` and `null` are left out. */
export type ParamValue = string | number | bigint | boolean | null | undefined;

/** The pairs of a query or a form: a text, pairs, or an object. An array as a member of an object repeats its name. */
export type SearchParams =
  | string
  | URLSearchParams
  | Iterable<readonly [name: string, value: ParamValue | readonly ParamValue[]]>
  | readonly (readonly string[])[]
  | { readonly [name: string]: ParamValue | readonly ParamValue[] };

/** Options of `client.extend`: the options of a client without the options of the queue, which both clients share. */
export interface ExtendOptions extends FetchOptions {
  /**
   * The URL against which relative URLs are resolved, as `new URL(input, baseUrl)` does: the last segment of a path without a slash at
   * its end is replaced.
   * @default none: the platform resolves relative URLs
   */
  baseUrl?: string | URL | undefined;
  /** Headers for requests that do not set a header of the same name. */
  headers?: HeadersOption | undefined;
  /** Pairs that are added to the URL's query, for names that neither the URL nor the request's `searchParams` has. */
  searchParams?: SearchParams | undefined;
  /**
   * The function that sends the requests. It is called as `(url, init)`: with the URL as text, and the members of the caller's `init`.
   * @default globalThis.fetch, looked up at each request
   */
  fetch?: typeof globalThis.fetch | undefined;
  /**
   * The function that sends the requests where WebAssembly is not available: at once, without the queue. All other options hold.
   * @default none: the request rejects with code `"UNSUPPORTED"`
   */
  fallback?: typeof globalThis.fetch | undefined;
}

/** Options of a client. */
export interface ClientOptions extends ExtendOptions {
  /**
   * The number of requests that run at once; `Infinity` and `false` mean no limit. Further requests wait, first come, first served. The
   * option `slot` says how long a request runs.
   * @default 10
   */
  maxActive?: number | false | undefined;
  /**
   * The number of requests to the same origin that run at once; `Infinity` and `false` mean no further limit.
   * @default Infinity
   */
  maxActivePerOrigin?: number | false | undefined;
  /**
   * The number of requests that may wait; `Infinity` and `false` mean no limit. Further requests reject with code `"QUEUE_FULL"`.
   * @default Infinity
   */
  maxQueued?: number | false | undefined;
  /**
   * The number of requests that may start in a time; `false` means no limit.
   * @default false
   */
  rateLimit?: Rate | false | undefined;
  /**
   * The number of requests to the same origin that may start in a time; `false` means no limit.
   * @default false
   */
  rateLimitPerOrigin?: Rate | false | undefined;
}

/** The members of the platform's `init`. Each may be undefined, which the platform reads as absent. */
type PlatformInit = { [Member in keyof RequestInit]?: RequestInit[Member] | undefined };

/** The second argument of `client.fetch`: the platform's members, and the members of this package. */
export interface WaterspoutInit extends Omit<PlatformInit, "body" | "headers"> {
  /** The body, or a function that makes the body anew for each attempt. A promise that the function returns is awaited. */
  body?: RequestInit["body"] | (() => Awaitable<NonNullable<RequestInit["body"]>>) | undefined;
  /** The request's headers. They take precedence over the client's headers. */
  headers?: HeadersOption | undefined;
  /** Options of this request. The platform does not see them. */
  waterspout?: FetchOptions | undefined;
}

/**
 * The second argument of the shortcuts (`client.get` and so on): the platform's members, and the options of a request, here or under
 * `waterspout`. Only a single body may be set: `json`, `form` or `body`.
 */
export interface ShortcutInit extends Omit<WaterspoutInit, keyof FetchOptions | "method">, Omit<FetchOptions, "priority"> {
  /** A number is the priority in the queue. A text is the platform's own priority. */
  priority?: number | "high" | "low" | "auto" | undefined;
  /** A value that is sent as JSON. Its content type is set unless `headers` has a content type. */
  json?: unknown;
  /** Pairs that are sent as a form. A `FormData` is sent as it is, as a multipart body. */
  form?: FormData | SearchParams | undefined;
  /** Pairs that are added to the URL's query. */
  searchParams?: SearchParams | undefined;
}

/** A promise of a Response, with methods that read the response's body. */
export interface ResponsePromise extends Promise<Response> {
  json<T = unknown>(): Promise<T>;
  text(): Promise<string>;
  blob(): Promise<Blob>;
  arrayBuffer(): Promise<ArrayBuffer>;
  /** Returns the body's bytes, also where the platform's Response has no such method. */
  // This type is `Uint8Array<ArrayBuffer>`, in a form that TypeScript before 5.7 understands.
  bytes(): Promise<ReturnType<Uint8ArrayConstructor["from"]>>;
  formData(): Promise<FormData>;
}
