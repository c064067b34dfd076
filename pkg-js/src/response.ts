/** Watches a response's body until it ends. */
import { observeStream, type Piece, type StreamObserver } from "./stream.js";

/** The methods that read a whole body. */
const READERS = ["arrayBuffer", "blob", "bytes", "formData", "json", "text"] as const;

/** The null body statuses of the Fetch standard: the constructor of Response refuses a body for them. */
const STATUSES_WITHOUT_BODY: readonly number[] = [101, 103, 204, 205, 304];

/** What each object keeps alive as long as it lives: a response or its body the Request, and a copy the response. */
const keptBy = new WeakMap<object, Request | Response>();

/**
 * Makes sure that an abort of the request's signal reaches the response's body.
 *
 * Node's fetch keeps no reference to the Request. Once it is collected, an abort does not reach the body any more.
 */
export function keepRequest(request: Request, response: Response): void {
  for (const holder of [response, response.body]) if (holder instanceof Object) keptBy.set(holder, request);
}

/** Returns whether a response has a body that can be read. Some engines show an empty body where a response has none. */
export function hasBody(response: Response, method: string): boolean {
  return !!response.body && method !== "HEAD" && !STATUSES_WITHOUT_BODY.includes(response.status);
}

/** The functions that a body calls. Unlike the functions of a stream, all of them are present. */
export interface BodyWatcher extends Required<Omit<StreamObserver, "onPiece" | "onCancel">> {
  /** Reads the whole body with `read`. */
  readWhole<Value>(response: Response, read: () => Promise<Value>): Promise<Value>;
}

/**
 * Calls `onRead` when reading the body of `response` begins, and `onError` and `onEnd` as a stream does. Reads the whole body through
 * `readWhole`.
 *
 * The response stays the platform's own object, so the platform accepts it everywhere. Its own properties replace the members that read
 * the body. A body that only the platform reads, for example to cache the response, is not seen. `branches` counts the response and its
 * copies whose bodies were not cancelled.
 */
export function watchBody(response: Response, watcher: BodyWatcher, branches: { count: number } = { count: 1 }): void {
  const define = (name: string, descriptor: PropertyDescriptor): unknown => Object.defineProperty(response, name, { ...descriptor, configurable: true });
  for (const name of READERS) {
    const read = response[name] as (() => Promise<unknown>) | undefined;
    // Not every platform has all of these, and a `fetch` of the caller's own may return any object.
    if (typeof read !== "function") continue;
    const value = (): Promise<unknown> => {
      watcher.onRead();
      return watcher.readWhole(response, () => read.call(response));
    };
    define(name, { value, writable: true });
  }
  const { body, clone } = response;
  if (typeof body?.getReader === "function") {
    const prototype = Object.getPrototypeOf(response) as object;
    // After a clone, the response has another stream.
    const open = (): ReadableStream<Piece> => (Reflect.get(prototype, "body", response) ?? body) as ReadableStream<Piece>;
    let observed: ReadableStream<Piece> | undefined;
    const onCancel = (): void => void (--branches.count || watcher.onEnd());
    define("body", { get: () => (response.bodyUsed && !observed ? open() : (observed ??= observeStream(open, { ...watcher, onCancel }))) });
  }
  const value = (): Response => {
    const copy = clone.call(response);
    // A collected response is not watched.
    keptBy.set(copy, response);
    branches.count++;
    watchBody(copy, watcher, branches);
    return copy;
  };
  if (typeof clone === "function") define("clone", { value, writable: true });
}
