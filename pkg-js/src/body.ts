/** The request's body: where it comes from, and whether it can be had again. */
import { counted, lengthOf, tell } from "./progress.js";
import type { Progress, WaterspoutInit } from "./types.js";

/** Whether the platform's Request takes a stream for what it is: Firefox would send its name, `[object ReadableStream]`, as text. */
const takesStreams = (): boolean => !new Request("http://a/", { method: "POST", body: new ReadableStream(), duplex: "half" } as RequestInit).headers.has("content-type");

/** Whether a body is gone when it has been sent; Node takes any async iterable. */
const isStream = (body: unknown): boolean => body instanceof ReadableStream || Symbol.asyncIterator in Object(body);

/** A body for each attempt. */
export class Body {
  readonly #given: WaterspoutInit["body"];
  readonly #tell: ((progress: Progress) => void) | undefined;
  #total: number | undefined;
  /** Whether it cannot be had again. */
  readonly isOneShot: boolean;

  constructor(input: unknown, init: WaterspoutInit | undefined, onProgress: ((progress: Progress) => void) | undefined) {
    const body = (this.#given = init?.body);
    this.#tell = onProgress;
    const inputs = body == null && input instanceof Request ? input : undefined;
    // Bun would make a Request of it, and send nothing.
    if (inputs?.bodyUsed || inputs?.body?.locked) throw new TypeError("the Request's body has been used");
    // Firefox does not show a Request's body.
    this.isOneShot = isStream(body) || (!!inputs && !/^(GET|HEAD)$/.test(inputs.method) && inputs.body !== null);
  }

  /** The members of `init` for an attempt; none that the caller's `init` has already, if it is the `first`. */
  members(first: boolean): Record<string, unknown> {
    const given = this.#given;
    const callback = this.#tell;
    let body = typeof given === "function" ? given() : given;
    if (body instanceof ReadableStream && !takesStreams()) throw new TypeError("this platform sends no streams; give it a Blob or bytes");
    if (body == null || (first && body === given && !callback)) return {};
    if (callback) {
      // Of what is iterable a Response makes the stream that the platform would.
      if (isStream(body)) body = counted(new Response(body as BodyInit).body as ReadableStream<Uint8Array>, callback);
      else tell(callback, 0, (this.#total = lengthOf(body)));
    }
    return isStream(body) ? { body, duplex: "half" } : { body };
  }

  /** The head is here, so that a body which is no stream has been sent. */
  sent(): void {
    if (this.#total !== undefined) tell(this.#tell as (progress: Progress) => void, this.#total, this.#total);
  }
}
