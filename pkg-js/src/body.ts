/** The request's body: where it comes from, and whether it can be sent again. */
import { countStream, lengthOf, reportProgress, type ProgressCallback } from "./progress.js";
import type { WaterspoutInit } from "./types.js";

/** Returns whether the platform's Request accepts a stream. Firefox sends the text `[object ReadableStream]` in its place. */
function supportsStreams(): boolean {
  const init = { method: "POST", body: new ReadableStream(), duplex: "half" };
  // A text has a content type, a stream has none.
  return !new Request("http://a/", init as RequestInit).headers.has("content-type");
}

/** Returns whether a body is used up once it was sent. Node accepts any async iterable. */
const isStream = (body: unknown): boolean => body instanceof ReadableStream || Symbol.asyncIterator in Object(body);

/** The body of each attempt at a request. */
export class RequestBody {
  readonly #source: WaterspoutInit["body"];
  readonly #onProgress: ProgressCallback | undefined;
  #total: number | undefined;
  /** Whether the body can be sent only once. */
  readonly isOneShot: boolean;

  constructor(input: unknown, init: WaterspoutInit | undefined, onProgress: ProgressCallback | undefined) {
    const source = init?.body;
    this.#source = source;
    this.#onProgress = onProgress;
    const inherited = source == null && input instanceof Request ? input : undefined;
    // Bun makes a Request from a used body and sends an empty body, so this is checked here.
    if (inherited?.bodyUsed || inherited?.body?.locked) throw new TypeError("the Request's body was used already");
    // Firefox has no `Request.body`: there the method decides.
    this.isOneShot = isStream(source) || (!!inherited && !/^(GET|HEAD)$/.test(inherited.method) && inherited.body !== null);
  }

  /**
   * Returns the members of `init` that an attempt needs for its body.
   *
   * The `first` attempt omits a body that the caller's `init` holds already.
   */
  initMembers(first: boolean): Record<string, unknown> {
    const source = this.#source;
    const callback = this.#onProgress;
    let body = typeof source === "function" ? source() : source;
    if (body instanceof ReadableStream && !supportsStreams()) throw new TypeError("this platform cannot send a stream; use a Blob or bytes as the body");
    if (body == null || (first && body === source && !callback)) return {};
    if (callback) {
      // A Response turns an async iterable into the same stream as the platform.
      if (isStream(body)) body = countStream(new Response(body as BodyInit).body as ReadableStream<Uint8Array>, callback);
      else reportProgress(callback, 0, (this.#total = lengthOf(body)));
    }
    return isStream(body) ? { body, duplex: "half" } : { body };
  }

  /** Reports the end of the upload. Called when the response's head has arrived: a body that is not a stream was sent by then. */
  reportSent(): void {
    if (this.#total !== undefined) reportProgress(this.#onProgress as ProgressCallback, this.#total, this.#total);
  }
}
