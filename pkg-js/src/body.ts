/** The request's body: where it comes from, and whether it can be sent again. */
import { isPromise } from "./init.js";
import { countStream, lengthOf, reportProgress, type ProgressCallback } from "./progress.js";
import { readUpTo } from "./stream.js";
import type { WaterspoutInit } from "./types.js";

/** The largest body of a `Request` that is kept for another attempt, in bytes. */
const KEPT_BODY_BYTES = 1 << 20;

/** Returns whether the platform's Request accepts a stream. Firefox sends the text `[object ReadableStream]` in its place. */
function supportsStreams(): boolean {
  const init = { method: "POST", body: new ReadableStream(), duplex: "half" };
  // A text has a content type, a stream has none.
  return !new Request("http://a/", init as RequestInit).headers.has("content-type");
}

/** Returns whether a body is used up once it was sent. Node accepts any async iterable. */
const isStream = (body: unknown): boolean => body instanceof ReadableStream || Symbol.asyncIterator in Object(body);

/** The members of `init` that belong to a body. */
export type BodyMembers = { body?: BodyInit; duplex?: "half" };

/** The body of each attempt at a request. */
export class RequestBody {
  readonly #source: WaterspoutInit["body"];
  readonly #onProgress: ProgressCallback | undefined;
  /** The body of a `Request` argument. Undefined in the promise means that it is too large to be kept. */
  kept: Promise<Uint8Array<ArrayBuffer> | undefined> | undefined;
  #total: number | undefined;

  /** Takes the body of a call's `init`, and the Request that was given to the call. */
  constructor(source: WaterspoutInit["body"], inherited: Request | undefined, onProgress: ProgressCallback | undefined) {
    this.#source = source;
    this.#onProgress = onProgress;
    if (isPromise(source)) {
      throw new TypeError("body is a promise; await it, or pass a function that returns it");
    }
    // Bun makes a Request from a used body and sends an empty body, so this is checked here.
    if (source == null && (inherited?.bodyUsed || inherited?.body?.locked)) throw new TypeError("the Request's body was used already");
  }

  /** Whether a function makes the body anew for each attempt. */
  get isMadeAnew(): boolean {
    return typeof this.#source === "function";
  }

  /** Returns the members for the Request that is built at the call. Members that the caller's `init` holds already are omitted. */
  first(): BodyMembers {
    const source = this.#source;
    if (source == null || typeof source === "function") return {};
    const members = this.#members(source);
    return members.body === source ? {} : members;
  }

  /** Starts to keep the body of the `Request` argument. */
  keep(request: Request): void {
    // Firefox has no `Request.body`: there the method decides.
    if (this.#source != null || /^(GET|HEAD)$/.test(request.method) || request.body === null) return;
    this.kept = readUpTo(request.clone(), KEPT_BODY_BYTES).catch(() => undefined);
  }

  /** Returns the reason why the body cannot be sent again, if there is a reason. */
  async whyOneShot(): Promise<string | undefined> {
    let reason: string | undefined;
    if (isStream(this.#source)) reason = "is a stream, which can be read only once";
    else if (this.kept && !(await this.kept)) reason = `is larger than ${KEPT_BODY_BYTES} bytes, which is the most that is kept of a Request`;
    return reason && `${reason}; pass a function that makes it: \`body: () => …\``;
  }

  /** Returns the members for another attempt, or for the first if a function makes the body. */
  again(): BodyMembers | Promise<BodyMembers> {
    const source = this.#source;
    const body = typeof source === "function" ? source() : (this.kept ?? source);
    const members = (body: BodyInit | null | undefined): BodyMembers => (body == null ? {} : this.#members(body));
    return isPromise(body) ? body.then((body) => members(body as BodyInit)) : members(body as BodyInit);
  }

  /** Reports the end of the upload. Called when the response's head has arrived: a body that is not a stream was sent by then. */
  reportSent(): void {
    if (this.#total !== undefined) reportProgress(this.#onProgress as ProgressCallback, this.#total, this.#total);
  }

  #members(body: BodyInit): BodyMembers {
    const callback = this.#onProgress;
    if (body instanceof ReadableStream && !supportsStreams()) throw new TypeError("this platform cannot send a stream; use a Blob or bytes as the body");
    if (callback) {
      // A Response turns an async iterable into the same stream as the platform.
      if (isStream(body)) body = countStream(new Response(body).body as ReadableStream<Uint8Array<ArrayBuffer>>, callback);
      else reportProgress(callback, 0, (this.#total = lengthOf(body)));
    }
    return isStream(body) ? { body, duplex: "half" } : { body };
  }
}
