/** Watches a response's body until it ends. */
import { bodyInUse, observeStream, type Piece, type StreamObserver } from "./stream.js";

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
  const { body, headers, status } = response;
  // The objects of a `fetch` of the caller's own may have no headers.
  const isEmpty = (headers as Headers | undefined)?.get?.("content-length") === "0";
  return !!body && !isEmpty && method !== "HEAD" && !STATUSES_WITHOUT_BODY.includes(status);
}

/** Returns whether a response is of the platform's class, with a body whose end can be seen. */
export function isObservable(response: Response, method: string): boolean {
  return response instanceof Response && response.type !== "opaque" && !response.bodyUsed && hasBody(response, method);
}

/** The functions that a body calls. Unlike the functions of a stream, all of them are present. */
export interface BodyWatcher extends Required<Omit<StreamObserver, "signal" | "onPiece">>, Pick<StreamObserver, "signal"> {
  /** Reads the whole body with `read`. */
  readWhole<Value>(response: Response, read: () => Promise<Value>, isJson: boolean): Promise<Value>;
}

/** A response whose body is watched. */
interface Watched {
  readonly response: Response;
  readonly watcher: BodyWatcher;
  /** Counts the response and its copies whose bodies were not cancelled. */
  readonly branches: { count: number };
  readonly body: ReadableStream<Piece> | null;
  /** The stream in place of the body, once a caller has asked for it. */
  observed?: ReadableStream<Piece>;
}

/** The class whose constructor returns its argument, so that a derived class adds its fields to the argument. */
const Identity = function (response: Response) {
  return response;
} as unknown as new (response: Response) => object;

/** Marks a response as watched. A WeakMap would take the engine longer than the rest of the watch. */
class Mark extends Identity {
  readonly #watched: Watched;

  constructor(response: Response, watched: Watched) {
    super(response);
    this.#watched = watched;
  }

  static read(holder: object): Watched | undefined {
    return #watched in holder ? holder.#watched : undefined;
  }
}

/** Returns the mark of a value. It is no closure: the shared prototype would keep what a closure refers to alive. */
function markOf(holder: unknown): Watched | undefined {
  return Mark.read(Object(holder) as object);
}

/** The prototype of all watched responses that have the platform's own members. Its own prototype is the platform's. */
let watchedPrototype: object = {};

/**
 * Calls `onRead` when reading the body of `response` begins, and the other functions as a stream does. Reads the whole body through
 * `readWhole`.
 *
 * The response stays the platform's own object, so the platform accepts it everywhere. Another prototype replaces the members that read
 * the body. A body that only the platform reads, for example to cache the response, is not seen.
 */
export function watchBody(response: Response, watcher: BodyWatcher, branches: { count: number } = { count: 1 }): void {
  const { body } = response;
  const watched: Watched = { response, watcher, branches, body };
  const hasStream = typeof body?.getReader === "function";
  const parent = Object.getPrototypeOf(response) as Response;
  // Engines change a prototype ten times faster than they define the properties. A response of another client has another prototype.
  if (hasStream && parent === Response.prototype && parent.text === response.text && parent.clone === response.clone) {
    new Mark(response, watched);
    // A program may replace the global class.
    if (Object.getPrototypeOf(watchedPrototype) !== parent) {
      watchedPrototype = Object.create(parent, propertiesOf(parent, parent, hasStream, markOf)) as object;
    }
    Object.setPrototypeOf(response, watchedPrototype);
  } else {
    Object.defineProperties(response, propertiesOf(response, parent, hasStream, () => watched));
  }
}

/** Returns the properties that replace the members of `source` and the body of `parent`. `find` returns the response of a call. */
function propertiesOf(source: Response, parent: object, hasStream: boolean, find: (holder: Response) => Watched | undefined): PropertyDescriptorMap {
  const properties: PropertyDescriptorMap = {};
  const replace = (name: (typeof READERS)[number] | "clone", act: (watched: Watched, call: () => unknown) => unknown): void => {
    const member = source[name] as ((...args: unknown[]) => unknown) | undefined;
    // Not every platform has all of these, and a `fetch` of the caller's own may return any object.
    if (typeof member !== "function") return;
    const value = function (this: Response, ...args: unknown[]): unknown {
      const watched = find(this);
      // On any other object, the platform throws its own error.
      return watched ? act(watched, () => member.apply(watched.response, args)) : member.apply(this, args);
    };
    properties[name] = { value, writable: true, configurable: true };
  };
  for (const name of READERS) {
    replace(name, ({ response, watcher, observed }, read) => {
      if (observed?.locked) return Promise.reject(bodyInUse());
      watcher.onRead();
      return watcher.readWhole(response, read as () => Promise<unknown>, name === "json");
    });
  }
  const get = function (this: Response): ReadableStream<Piece> {
    const watched = find(this);
    if (!watched) return Reflect.get(parent, "body", this) as ReadableStream<Piece>;
    const { response, watcher, branches, body } = watched;
    // After a clone, the response has another stream.
    const open = (): ReadableStream<Piece> => (Reflect.get(parent, "body", response) ?? body) as ReadableStream<Piece>;
    const onCancel = (): void => void (--branches.count || watcher.onCancel());
    return response.bodyUsed && !watched.observed ? open() : (watched.observed ??= observeStream(open, { ...watcher, onCancel }));
  };
  if (hasStream) properties.body = { get, configurable: true };
  replace("clone", ({ response, watcher, branches, observed }, clone) => {
    if (observed?.locked) throw bodyInUse();
    const copy = clone() as Response;
    // A collected response is not watched.
    keptBy.set(copy, response);
    branches.count++;
    watchBody(copy, watcher, branches);
    return copy;
  });
  return properties;
}
