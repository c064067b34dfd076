/** Watches a response's body until it ends. */
import { observeStream, readUpTo, type Piece, type StreamObserver } from "./stream.js";

/** The methods that read a whole body. */
export const READERS = ["arrayBuffer", "blob", "bytes", "formData", "json", "text"] as const;

/** The null body statuses of the Fetch standard: the constructor of Response refuses a body for them. */
export const STATUSES_WITHOUT_BODY: readonly number[] = [101, 103, 204, 205, 304];

/** Keeps the Request of each response as long as the response or its body lives. */
const requestOf = new WeakMap<object, Request>();

/**
 * Makes sure that an abort of the request's signal reaches the response's body.
 *
 * Node's fetch keeps no reference to the Request. Once it is collected, an abort does not reach the body any more.
 */
export function keepRequest(request: Request, response: Response): void {
  for (const holder of [response, response.body]) if (holder instanceof Object) requestOf.set(holder, request);
}

/** Returns whether a response has a body that can be read. Some engines show an empty body where a response has none. */
export function hasBody(response: Response, method: string): boolean {
  return !!response.body && method !== "HEAD" && !STATUSES_WITHOUT_BODY.includes(response.status);
}

/** The functions that a body calls. Unlike the functions of a stream, all of them are present. */
export interface BodyWatcher extends Required<Omit<StreamObserver, "onPiece">> {
  /** Whether the caller has aborted the request, so that the platform's promise has the right error. */
  isAborted(): boolean;
}

/**
 * Calls `onRead` when reading the body of `response` begins, `onError` when it has failed, and `onEnd` when the body has been read to
 * its end, has failed or was cancelled.
 *
 * The response stays the platform's own object, so the platform accepts it everywhere. Its own properties replace the members that read
 * the body. A body that only the platform reads, for example to cache the response, is not seen.
 */
export function watchBody(response: Response, watcher: BodyWatcher): void {
  const { onRead, onError, onEnd, isAborted } = watcher;
  const fail = (error: unknown): never => {
    throw onError(error);
  };
  const define = (name: string, descriptor: PropertyDescriptor): unknown => Object.defineProperty(response, name, { ...descriptor, configurable: true });
  for (const name of READERS) {
    const read = response[name] as (() => Promise<unknown>) | undefined;
    // Not every platform has all of these, and a `fetch` of the caller's own may return any object.
    if (typeof read !== "function") continue;
    const value = (): Promise<unknown> => {
      // A body that was read before has an end of its own.
      const { bodyUsed } = response;
      onRead();
      const result = read.call(response);
      // The function keeps the response alive until its end: a collected response is not watched.
      const end = (): void => void (response && onEnd());
      return bodyUsed || isAborted() ? result : result.catch(fail).finally(end);
    };
    define(name, { value, writable: true });
  }
  const { body, clone } = response;
  if (typeof body?.getReader === "function") {
    const prototype = Object.getPrototypeOf(response) as object;
    // After a clone, the response has another stream.
    const open = (): ReadableStream<Piece> => (Reflect.get(prototype, "body", response) ?? body) as ReadableStream<Piece>;
    let observed: ReadableStream<Piece> | undefined;
    define("body", { get: () => (response.bodyUsed && !observed ? open() : (observed ??= observeStream(open, watcher))) });
  }
  const value = (): Response => {
    const copy = clone.call(response);
    // The copy keeps the response alive too.
    watchBody(copy, { ...watcher, onEnd: () => void (response && onEnd()) });
    return copy;
  };
  if (typeof clone === "function") define("clone", { value, writable: true });
}

/** The largest body of a status error that is kept, in bytes. */
const MAX_DATA_BYTES = 65_536;

/** Returns the body of a status error: JSON if its type says so, else text. Returns undefined and cancels a body that is too large. */
export async function readData(response: Response): Promise<unknown> {
  try {
    const bytes = await readUpTo(response, MAX_DATA_BYTES);
    const text = bytes && new TextDecoder().decode(bytes);
    const isJson = /^[^;]*[/+]json\b/i.test(response.headers.get("content-type") ?? "");
    return text && isJson ? jsonOr(text) : text;
  } catch {
    // The status is worth more than the reason why its body could not be read.
    return undefined;
  }
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
