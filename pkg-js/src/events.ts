/** Server-sent events: over any fetch, with new connections, or of a response in hand. */
import { WaterspoutError } from "./errors.js";
import { newParser, type Position } from "./event-parser.js";
import type { FetchOptions } from "./types.js";

type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** The shortest wait before a new connection, in milliseconds: no server can make the client connect without a pause. */
const SHORTEST_DELAY = 100;
/** The longest wait without its random part, in milliseconds. Engines treat a delay from 2³¹ as 0. */
const LONGEST_DELAY = 1e9;
const DEFAULT_MAX_EVENT_SIZE = 1 << 20;
const LAST_EVENT_ID = "last-event-id";
const OK = 200;
const NO_CONTENT = 204;

/** An event. */
export interface ServerEvent {
  /** The event's type: `message` if the server does not set a type. */
  readonly event: string;
  readonly data: string;
  /** The last id that the server sent, with this event or before. A new connection goes on after this id. */
  readonly id: string;
}

/** The events of a server, until they end. */
export type ServerEvents = AsyncGenerator<ServerEvent, void, undefined>;

/** The request for the events, and when to connect again. */
export interface EventsInit extends Omit<RequestInit, "body"> {
  /** The body, or a function that makes the body anew for each connection: a stream can be sent only once. */
  body?: RequestInit["body"] | (() => NonNullable<RequestInit["body"]> | Promise<NonNullable<RequestInit["body"]>>);
  /** Options of each request, for requests through a client. */
  waterspout?: FetchOptions | undefined;
  /**
   * Whether the request is sent again: after the end of the response, after a lost connection, and after a request
   * without a response. If not, the events end with the response, or with the error of the request or the connection.
   * @default true for GET; false for other methods, because the server would carry out the request again
   */
  reconnect?: boolean | undefined;
  /**
   * The wait before a new connection, in milliseconds; the server may change it. It doubles with each further failure
   * in a row, and up to half of it is added at random. The minimum is 100.
   * @default 3000
   */
  retryDelay?: number | undefined;
  /**
   * The longest wait before a new connection, in milliseconds, without the random part. The minimum is 100.
   * @default 300000
   */
  maxDelay?: number | undefined;
  /**
   * The number of attempts in a row that may fail, without a line that arrived between two failures. The orderly end of
   * a response is no failure. Infinity means no limit.
   * @default 5
   */
  maxAttempts?: number | undefined;
  /**
   * The largest size of an event, in characters. Comments do not count.
   * @default 1048576
   */
  maxEventSize?: number | undefined;
}

/**
 * Returns the events of the server's response, as an async iterable.
 *
 * When the response to a GET ends or its connection is lost, the iterable connects again, with the last event's id in
 * `last-event-id`. A header of that name in `init` says where to start. A request of another method is sent once, unless
 * `reconnect` is true.
 *
 * `through` is a client, or a function like fetch.
 *
 * The iterable ends when the server answers with status 204, when the loop is left, when the request is not sent again,
 * and after any error: code `"STATUS"` for a status other than 200, `"DECODE"` for a response that is not a stream of
 * events, `"LIMIT_EXCEEDED"` for an event that is too large, `"BODY_NOT_REPLAYABLE"` for a stream that would be sent
 * again, the reason of the signal, and the error of the last attempt.
 *
 * `return` ends the connection at once. A pending `next` then resolves as done.
 */
export function events(through: { fetch: Fetch } | Fetch, url: string | URL, init: EventsInit = {}): ServerEvents {
  return stoppable(init.signal, (renew) => connections(through, url, init, renew));
}

/**
 * Returns the events of a response in hand, as an async iterable. No new connection is made.
 *
 * It fails as `events` does, with code `"STATUS"`, `"DECODE"` or `"LIMIT_EXCEEDED"`, or with the error of a body that
 * breaks off. `return` cancels the body at once.
 */
export function eventsOf(response: Response, { maxEventSize = DEFAULT_MAX_EVENT_SIZE }: Pick<EventsInit, "maxEventSize"> = {}): ServerEvents {
  return stoppable(null, (renew) => read(response, newParser({ firstId: "", retryDelay: 0, failures: 0 }, maxEventSize), renew()));
}

/**
 * Yields the events of `start` until `return` is called, which ends the events, or until `caller` is aborted, which
 * throws its reason.
 *
 * `start` gets a function that returns the signal of a new connection. The last of these signals is aborted at the end.
 */
function stoppable(caller: AbortSignal | null | undefined, start: (renew: () => AbortSignal) => ServerEvents): ServerEvents {
  let controller = new AbortController();
  const stop = (): void => controller.abort(caller?.reason);
  // Each connection has a signal of its own: on a shared signal, listeners of earlier connections would remain.
  const renew = (): AbortSignal => {
    controller.signal.throwIfAborted();
    controller.abort();
    return (controller = new AbortController()).signal;
  };
  const all = start(renew);
  const generator = (async function* (): ServerEvents {
    if (caller?.aborted) stop();
    caller?.addEventListener("abort", stop);
    try {
      yield* all;
    } catch (error) {
      caller?.throwIfAborted();
      if (!controller.signal.aborted) throw error;
    } finally {
      caller?.removeEventListener("abort", stop);
      stop();
    }
  })();
  const end = generator.return.bind(generator);
  const stopAndEnd: typeof end = (value) => {
    stop();
    return end(value);
  };
  // Defined and not assigned: an assignment throws if the prototype, which has this method too, is frozen.
  return Object.defineProperty(generator, "return", { value: stopAndEnd });
}

/** Yields the events of all connections. */
async function* connections(
  through: { fetch: Fetch } | Fetch,
  url: string | URL,
  { retryDelay = 3000, maxDelay = 300_000, maxAttempts = 5, maxEventSize = DEFAULT_MAX_EVENT_SIZE, reconnect, body, ...init }: EventsInit,
  renew: () => AbortSignal,
): ServerEvents {
  for (const [name, value] of Object.entries({ retryDelay, maxDelay, maxAttempts, maxEventSize })) {
    if (!(value >= 0)) throw new RangeError(`${name} is ${value}: it must be a number of at least 0`);
  }
  const fetch = typeof through === "function" ? through : through.fetch.bind(through);
  const isRepeated = reconnect ?? /^get$/i.test(init.method ?? "get");
  // A stream is used up once it was sent. Node accepts any async iterable.
  const isOneShot = body instanceof ReadableStream || Symbol.asyncIterator in Object(body);
  const headers = new Headers(init.headers);
  if (!headers.has("accept")) headers.set("accept", "text/event-stream");
  const position: Position = { firstId: textOf(headers.get(LAST_EVENT_ID) ?? ""), retryDelay, failures: 0 };
  for (let signal = renew(); ; ) {
    // The caller's own value stays until the server sends an id.
    const { id } = position;
    if (id) headers.set(LAST_EVENT_ID, headerValue(id));
    else if (id === "") headers.delete(LAST_EVENT_ID);
    try {
      const present = await (typeof body === "function" ? body() : body);
      const response = await fetch(url, { cache: "no-store", ...init, headers, signal, ...(present != null && { body: present, duplex: "half" }) });
      if (response.status === NO_CONTENT) return;
      yield* read(response, newParser(position, maxEventSize), signal);
      if (!isRepeated) return;
      position.failures = 0;
    } catch (error) {
      // The error may be of another copy of the class, because a client is in another entry. A full queue and a failed
      // core are temporary.
      const { name, code } = Object(error) as WaterspoutError;
      const isFinal = signal.aborted || !isRepeated || isOneShot || (name === "WaterspoutError" && !/QUEUE_FULL|INTERNAL/.test(code));
      if (isFinal || ++position.failures >= maxAttempts) throw error;
    }
    if (isOneShot) throw new WaterspoutError("BODY_NOT_REPLAYABLE", "the request's body is a stream, which cannot be sent again", { attempts: 1 });
    const delay = Math.min(Math.max(position.retryDelay, SHORTEST_DELAY) * 2 ** Math.max(0, position.failures - 1), Math.max(maxDelay, SHORTEST_DELAY), LONGEST_DELAY);
    await sleep(delay * (1 + Math.random() / 2), (signal = renew()));
  }
}

/** Returns the events of a response. Cancels its body when `signal` is aborted, also before the first event is read. */
function read(response: Response, parse: ReturnType<typeof newParser>, signal: AbortSignal): ServerEvents {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const cancel = (): void => void (reader ?? response.body)?.cancel(signal.reason).catch(() => undefined);
  signal.addEventListener("abort", cancel);
  return (async function* (): ServerEvents {
    try {
      // A function that ignores the signal may answer after the abort.
      signal.throwIfAborted();
      checkResponse(response);
      const decoder = new TextDecoder();
      reader = response.body?.getReader();
      while (reader) {
        const { done, value } = await reader.read();
        signal.throwIfAborted();
        if (done) break;
        for (const event of parse(decoder.decode(value, { stream: true }))) {
          yield event;
          signal.throwIfAborted();
        }
      }
    } finally {
      signal.removeEventListener("abort", cancel);
      cancel();
    }
  })();
}

/** Throws if a response is not a stream of events. As in the HTML standard, no new connection follows. */
function checkResponse(response: Response): void {
  if (response.status !== OK) throw new WaterspoutError("STATUS", `the server answered with status ${response.status}`, { response, attempts: 1 });
  const type = response.headers.get("content-type") ?? "";
  if (!/^text\/event-stream\s*(;|$)/i.test(type)) {
    throw new WaterspoutError("DECODE", `the response is not a stream of events: its content type is "${type}"`, { response, attempts: 1 });
  }
}

/** Returns a text as a header value: a character for each byte of its UTF-8. */
function headerValue(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}

/** Returns the text of a header value in UTF-8. */
function textOf(value: string): string {
  return new TextDecoder().decode(Uint8Array.from(value, (byte) => byte.charCodeAt(0)));
}

/** Waits. Rejects with the signal's reason when it is aborted. */
function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
