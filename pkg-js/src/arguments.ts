/** The arguments of a call of fetch, and what the function that sends the request gets at each attempt. */
import { RequestBody, type BodyMembers } from "./body.js";
import { checkedUrl, copyInit, definedHeaders, documentBase, hasOnlySignal, initWith, isPromise, isRequest, platformInit, removedHeaders } from "./init.js";
import type { Options } from "./options.js";
import { withPairs } from "./query.js";
import type { HeadersOption, WaterspoutInit } from "./types.js";

/** The members of a Request that a `fetch` of the caller's own gets, besides method, headers, body and signal. */
const REQUEST_MEMBERS = ["cache", "credentials", "integrity", "keepalive", "mode", "redirect", "referrer", "referrerPolicy"] as const;

/** The function that sends requests, which gets the object of the call. */
export type Sender = (this: unknown, ...call: Parameters<typeof globalThis.fetch>) => Promise<Response>;

export class FetchArguments {
  /** The caller's signal. */
  readonly signal: AbortSignal | undefined;
  readonly body: RequestBody;
  readonly sender: Sender;
  /** The Request that was sent last, unless the sender got a URL alone. */
  sentRequest: Request | undefined;
  readonly #options: Options;
  /** Whether a `fetch` of the caller's own sends the request. */
  readonly #isOwnFetch: boolean;
  readonly #thisArg: unknown;
  /** The URL as it is sent, or the Request of the call. */
  #target: string | Request;
  readonly #init: WaterspoutInit | undefined;
  /** Whether each attempt is a call with the URL and a signal: the call has no member but a signal. */
  #isPlain: boolean;
  /** The members for a `fetch` of the caller's own. */
  readonly #members: Record<string, unknown> | undefined;
  /** The Request of the present attempt. Undefined if no attempt needs a Request. */
  #request: Request | undefined;
  /** The Request that a hook has put in place of the call's. */
  #base: Request | undefined;
  /** The signal of the attempt whose Request was built by `prepare`. */
  #preparedFor: AbortSignal | undefined;

  /**
   * Builds the Request at once, as the platform does: wrong arguments are reported at once, and a body is taken. `signal` is the signal of
   * the first attempt.
   *
   * Exceptions: the platform builds the Request of a plain call. A `fetch` of the caller's own may know URLs that the platform does not.
   */
  constructor(
    options: Options,
    own: Sender | undefined,
    platformFetch: Sender,
    thisArg: unknown,
    input: RequestInfo | URL,
    init: WaterspoutInit | undefined,
    signal: AbortSignal,
  ) {
    const isOwnFetch = !!own;
    this.#options = options;
    this.sender = own ?? platformFetch;
    this.#isOwnFetch = isOwnFetch;
    this.#thisArg = thisArg;
    this.#init = init;
    const inherited = isRequest(input) ? input : undefined;
    this.#target = inherited ? withDefaultPairs(inherited, options) : resolveUrl(`${input as string}`, options);
    const given = init?.signal;
    this.signal = (given === undefined ? inherited?.signal : given) ?? undefined;
    const { hooks, headers, retry, onUploadProgress } = options;
    this.body = new RequestBody(init?.body, inherited, onUploadProgress);
    if (isOwnFetch && !inherited) this.#members = init || headers ? this.#ownMembers() : {};
    const hasHooks = hooks.beforeRequest.length + hooks.beforeRetry.length + hooks.afterResponse.length > 0;
    // With a signal of the caller's, the engine must keep the Request's signal alive as long as it receives the body.
    const isPlain = !(inherited || isOwnFetch || hasHooks || headers || onUploadProgress || this.signal);
    this.#isPlain = isPlain && thisArg === globalThis && hasOnlySignal(init);
    // The error of a wrong URL is no reason for another attempt.
    if (retry) this.fixUrl();
    if (hasHooks || !(this.#members || this.#isPlain)) this.#build(signal);
    const mayRepeat = (retry && retry.attempts > 1) || hooks.afterResponse.length > 0;
    if (inherited && (mayRepeat || isOwnFetch)) this.body.keep(this.request);
  }

  get url(): string {
    if (this.#isPlain) return checkedUrl(this.#target as string) ?? (this.#target as string);
    return this.#members ? (this.#target as string) : this.request.url;
  }

  get method(): string {
    if (this.#request) return this.#request.method;
    return String(this.#members?.method ?? "GET").toUpperCase();
  }

  /** The Request of the present attempt. It is built now if no attempt needed it. */
  get request(): Request {
    if (this.#request) return this.#request;
    // The present attempt has taken the body.
    const { body, signal, duplex, ...init } = this.#members ?? {};
    return new Request(this.#target, init);
  }

  /** Cancels the body of a Request that is not sent. */
  cancelBody(reason: unknown): Promise<void> | undefined {
    return this.#request?.body?.cancel(reason);
  }

  /** The Request of the next attempt, if a hook has put it in place of the call's. */
  get base(): Request | undefined {
    return this.#base;
  }

  /** Sends `request` from the next attempt on. */
  replace(request: Request): void {
    this.#base = request;
    this.#preparedFor = undefined;
  }

  /** Whether the Request of the next attempt was built. */
  get isPrepared(): boolean {
    return this.#preparedFor !== undefined;
  }

  /** Returns the reason why another attempt cannot send the body, if there is a reason. */
  async whyOneShot(): Promise<string | undefined> {
    return this.#base ? undefined : this.body.whyOneShot();
  }

  /**
   * Resolves the URL of a plain call that may be sent after the call: the page's base may change. Throws if the URL is wrong, as the
   * platform does.
   */
  fixUrl(): void {
    if (this.#isPlain) this.#target = checkedUrl(this.#target as string) ?? new Request(this.#target).url;
  }

  /**
   * Prepares another attempt, or the first attempt if it needs this. Returns a promise only if the body is a promise. `signal` aborts the
   * attempt.
   */
  prepare(signal: AbortSignal): void | Promise<void> {
    if (this.#preparedFor === signal) return;
    this.#preparedFor = signal;
    if (this.#base) {
      this.#request = rebuilt(this.#base.clone(), { signal });
    } else if (this.#isPlain) {
      this.fixUrl();
    } else {
      const use = (members: BodyMembers): void => {
        // The body may come after the end of its attempt, while another attempt uses the Request.
        signal.throwIfAborted();
        if (this.#members && "body" in members) Object.assign(this.#members, members);
        if (this.#request) this.#request = rebuilt(this.#request, { ...members, signal });
      };
      const members = this.body.again();
      return isPromise(members) ? members.then(use) : use(members);
    }
  }

  /** Sends the request of the present attempt, or `replacement`. `signal` aborts the attempt. */
  send(signal: AbortSignal, replacement: Request | undefined): Promise<Response> {
    if (this.#request || replacement) return this.#sendRequest(signal, replacement);
    return this.sender.call(this.#thisArg, this.#target as string, { ...this.#members, signal } as RequestInit);
  }

  async #sendRequest(signal: AbortSignal, replacement: Request | undefined): Promise<Response> {
    // The Request of a hook may have a signal of its own, which says nothing about this attempt.
    if (replacement) {
      signal = AbortSignal.any?.([signal, replacement.signal]) ?? signal;
      replacement = rebuilt(replacement, { signal });
    }
    const { sender } = this;
    const thisArg = this.#thisArg;
    const request = (this.sentRequest = replacement ?? this.#request) as Request;
    if (this.#isOwnFetch) {
      // A Request means nothing to a `fetch` of another realm, so it gets the members of the Request.
      const isOriginal = this.#members && !replacement && !this.#base;
      const init = isOriginal ? this.#originalInit(request) : this.#takenApart(request);
      const body = isOriginal ? undefined : this.#bodyOf(request);
      const sent = isPromise(body) ? await body : body;
      if (sent) Object.assign(init, { body: sent, ...(sent instanceof ReadableStream && { duplex: "half" }) });
      signal.throwIfAborted();
      return sender.call(thisArg, isOriginal ? (this.#target as string) : request.url, { ...init, signal } as RequestInit);
    }
    const init = platformInit(request, this.#init);
    return init ? sender.call(thisArg, request, init) : sender.call(thisArg, request);
  }

  /** Builds the Request of the call. */
  #build(signal: AbortSignal): void {
    let given: HeadersOption | undefined;
    const init = this.#init;
    const members: Record<string, unknown> = {
      ...this.body.first(),
      signal,
      // The platform reads each member once, in its order.
      get headers() {
        return definedHeaders((given = init?.headers));
      },
    };
    if (this.body.isMadeAnew) members.body = undefined;
    const request = new Request(this.#target, initWith(this.#target, init, members));
    this.#addDefaults(request.headers, given);
    this.#request = request;
  }

  /** Adds the client's headers that the request does not set. */
  #addDefaults(headers: Headers, given: HeadersOption | undefined): void {
    const removed = removedHeaders(given);
    this.#options.headers?.forEach((value, name) => headers.has(name) || removed.includes(name) || headers.set(name, value));
  }

  #ownMembers(): Record<string, unknown> {
    const members: Record<string, unknown> = { ...copyInit(this.#init), ...this.body.first() };
    const given = members.headers as HeadersOption | undefined;
    members.headers &&= definedHeaders(given);
    if (this.#options.headers) {
      const headers = new Headers(members.headers as HeadersInit);
      this.#addDefaults(headers, given);
      members.headers = headers;
    }
    return members;
  }

  /** Returns the members of the call, with the method and the headers of its Request, which hooks may have changed. */
  #originalInit({ method, headers }: Request): Record<string, unknown> {
    const sent = new Headers(headers);
    // The receiver writes a boundary of its own.
    if (this.#members?.body instanceof FormData) sent.delete("content-type");
    return { ...this.#members, method, headers: sent };
  }

  /** Returns the members of a Request, without its body. */
  #takenApart(request: Request): Record<string, unknown> {
    const members: Record<string, unknown> = { ...platformInit(request, this.#init), method: request.method, headers: new Headers(request.headers) };
    for (const name of REQUEST_MEMBERS) members[name] = request[name];
    return members;
  }

  /** Returns the body of a Request: a stream, or a promise of bytes. */
  #bodyOf(request: Request): ReadableStream | Promise<BodyInit | null> | undefined {
    const { kept } = this.body;
    // Firefox has no `Request.body`.
    const isUnknown = request.body === undefined && !/^(GET|HEAD)$/.test(request.method);
    const read = (): ReadableStream | Promise<BodyInit> | null => (isUnknown ? request.arrayBuffer() : request.body);
    if (kept && request === this.#request && !this.#base) return kept.then((bytes) => bytes ?? read());
    return read() ?? undefined;
  }
}

/** Adds the client's pairs to the query of a Request. */
function withDefaultPairs(request: Request, { searchParams }: Options): Request {
  const url = withPairs(request.url, searchParams, true);
  return url === request.url ? request : new Request(url, request);
}

/** Resolves a URL against the client's base, and adds the client's pairs to its query. */
export function resolveUrl(url: string, { baseUrl, searchParams }: Options): string {
  if (baseUrl !== undefined) {
    if (!URL.canParse(baseUrl, documentBase())) throw new TypeError(`baseUrl is "${String(baseUrl)}": it must be a URL, which outside of a page starts with its scheme`);
    url = new URL(url, new URL(baseUrl, documentBase())).href;
  }
  return withPairs(url, searchParams, true);
}

/** Builds the Request of another attempt from the last Request, since hooks may have changed its headers and its body. */
function rebuilt(last: Request, members: Record<string, unknown>): Request {
  const { referrer, referrerPolicy } = last;
  const headers = new Headers(last.headers);
  // Each form has a new boundary, which the platform puts into the content type. Bun keeps the type of the last Request even if the
  // new headers have none.
  if (members.body instanceof FormData) {
    last.headers.delete("content-type");
    headers.delete("content-type");
  }
  return new Request(last, { ...members, referrer, referrerPolicy, headers });
}
