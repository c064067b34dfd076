/** Reports the progress of request bodies and response bodies. */
import { ignoreErrors } from "./errors.js";
import { formLength } from "./form-length.js";
import { bodyInUse, observeStream, type Piece, type StreamObserver } from "./stream.js";
import type { Progress } from "./types.js";

export type ProgressCallback = (progress: Progress) => void;

/** The highest status that the constructor of Response accepts. */
const HIGHEST_STATUS = 599;

/**
 * Calls `callback` with the number of bytes so far and the total.
 *
 * Omits a total that is less than `bytes`: a compressed body of another origin declares its compressed length.
 */
export function reportProgress(callback: ProgressCallback, bytes: number, total: number = NaN): void {
  ignoreErrors(() => callback(total >= bytes ? { bytes, total } : { bytes }));
}

/**
 * Returns the stream with its bytes counted for `callback`, and with the limit `idle` for each piece. `onError` is called as that of a
 * `StreamObserver`.
 */
export function countStream(
  stream: ReadableStream<Piece>,
  callback: ProgressCallback | undefined,
  total?: number,
  idle?: number,
  onError?: StreamObserver["onError"],
): ReadableStream<Piece> {
  if (stream.locked) throw bodyInUse();
  let bytes = 0;
  const onPiece = (length: number): void => {
    bytes += length;
    if (callback) reportProgress(callback, bytes, total);
  };
  return observeStream(() => stream, { onPiece, onError } as StreamObserver, idle);
}

/** Returns a Response with a body, counted, and with the `url`, `type` and `redirected` of `response`. */
export function countResponse(response: Response, callback: ProgressCallback | undefined, idle: number, onError: StreamObserver["onError"]): Response {
  const { body, headers, url, type, redirected, status } = response;
  // The bodies of some libraries are streams of Node.
  const isNodes = !body?.getReader && typeof (body as { destroy?: unknown } | null)?.destroy === "function";
  // Some libraries have bodies that are no streams at all, and some servers invent statuses. A Response cannot be made of either, so
  // these responses are returned as they are.
  if (!(body?.getReader || isNodes) || status > HIGHEST_STATUS) return response;
  const length = Number(headers.get("content-length") ?? NaN);
  // The length of an encoded body differs from the number of decoded bytes.
  const total = length >= 0 && !headers.has("content-encoding") ? length : undefined;
  // The members are own properties of a Response, not traps of a proxy: the platform accepts only a Response, for example to
  // cache it, and refuses a proxy.
  const withMembers = (target: Response): Response => {
    const clone = target.clone.bind(target);
    const members = { url, type, redirected, clone: () => withMembers(clone()) };
    for (const [name, value] of Object.entries(members)) Object.defineProperty(target, name, { value, configurable: true });
    return target;
  };
  const stream = (isNodes ? new Response(body).body : body) as ReadableStream<Piece>;
  return withMembers(new Response(countStream(stream, callback, total, idle, onError), response));
}

/** Returns the length of a body in bytes if it is known without reading the body. */
export function lengthOf(body: unknown): number | undefined {
  if (body instanceof FormData) {
    // Each encoding of a form has another boundary of about the same length.
    const type = new Response(body).headers.get("content-type") ?? "";
    return formLength(body, type.split("boundary=")[1] ?? "");
  }
  if (typeof body === "string" || body instanceof URLSearchParams) body = new Blob([body as string]);
  return body instanceof Blob ? body.size : (body as Partial<ArrayBuffer>).byteLength;
}
