/** Server-sent events over any fetch: a separate entry, so that only its users load it. */
import { WaterspoutError } from "./errors.js";
import { LONGEST_DELAY } from "./clock.js";
import type { FetchOptions } from "./types.js";

type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** The shortest wait before a new connection, in milliseconds. */
const SHORTEST_RETRY_DELAY = 100;
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

/** The request for the events, and how to connect again. */
export interface EventsInit extends Omit<RequestInit, "body"> {
  /** The body, or a function that makes the body anew for each connection: a stream can be sent only once. */
  body?: RequestInit["body"] | (() => NonNullable<RequestInit["body"]>);
  /** Options of each request, for requests through a client. */
  waterspout?: FetchOptions;
  /**
   * The wait before a new connection, in milliseconds; the server may change it. It doubles with each further failure in a row, and
   * up to half of it is added at random. The minimum is 100.
   * @default 3000
   */
  retryDelay?: number;
  /**
   * The longest wait before a new connection, in milliseconds, without the random part.
   * @default 300000
   */
  maxDelay?: number;
  /**
   * The number of attempts in a row that may fail. Infinity means no limit.
   * @default 5
   */
  maxAttempts?: number;
  /**
   * The largest size of an event, in characters.
   * @default 1048576
   */
  maxEventSize?: number;
}

/**
 * Returns the events of the server's response, as an async iterable.
 *
 * When the connection is lost, the iterable connects again with the last event's id in `last-event-id`. A header of that name in
 * `init` says where to start.
 *
 * `through` is a client, or a function like fetch.
 *
 * The iterable ends when the server answers with status 204, when the loop is left, and after any error: code `"STATUS"` for a
 * status other than 200, `"DECODE"` for a response that is not a stream of events, `"LIMIT_EXCEEDED"` for an event that is too large,
 * the reason of the signal, and the error of the last attempt.
 *
 * `return` ends the connection at once. A pending `next` then resolves as done.
 */
export function events(through: { fetch: Fetch } | Fetch, url: string | URL, init: EventsInit = {}): ServerEvents {
  const stop = new AbortController();
  const generator = stoppable(stop, init.signal, connections(through, url, init, stop.signal));
  const end = generator.return.bind(generator);
  const stopAndEnd: typeof end = (value) => {
    stop.abort();
    return end(value);
  };
  return Object.assign(generator, { return: stopAndEnd });
}

/** Yields `all` until `stop` is aborted, which ends the events, or the caller's signal is aborted, which throws its reason. */
async function* stoppable(stop: AbortController, signal: AbortSignal | null | undefined, all: ServerEvents): ServerEvents {
  const forward = (): void => stop.abort(signal?.reason);
  if (signal?.aborted) forward();
  signal?.addEventListener("abort", forward);
  try {
    yield* all;
  } catch (error) {
    if (signal?.aborted || !stop.signal.aborted) throw error;
  } finally {
    signal?.removeEventListener("abort", forward);
  }
}

/** Yields the events of all connections. */
async function* connections(
  through: { fetch: Fetch } | Fetch,
  url: string | URL,
  { retryDelay = 3000, maxDelay = 300_000, maxAttempts = 5, maxEventSize = 1 << 20, body, ...init }: EventsInit,
  signal: AbortSignal,
): ServerEvents {
  const fetch = typeof through === "function" ? through : through.fetch;
  const headers = new Headers(init.headers);
  if (!headers.has("accept")) headers.set("accept", "text/event-stream");
  const isOneShot = body instanceof ReadableStream;
  const parser = new Parser(headers.get("last-event-id") ?? "", maxEventSize);
  for (let failures = 0; ; ) {
    if (parser.id) headers.set("last-event-id", headerValue(parser.id));
    // Leaving the loop aborts the connection, at any point of its life.
    const connection = new AbortController();
    const abort = (): void => connection.abort(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    try {
      const present = typeof body === "function" ? body() : body;
      const duplex = present instanceof ReadableStream && { duplex: "half" };
      const response = await fetch(url, { cache: "no-store", ...init, ...duplex, headers, signal: connection.signal, ...(present != null && { body: present }) });
      if (response.status === NO_CONTENT) return;
      checkResponse(response);
      failures = 0;
      const decoder = new TextDecoder();
      parser.start();
      const reader = response.body?.getReader();
      for (let piece; reader && !(piece = await reader.read()).done; ) yield* parser.take(decoder.decode(piece.value, { stream: true }));
    } catch (error) {
      // The error may be of another copy of the class: a client is in another entry. A full queue and a failed core are temporary.
      const { name, code } = Object(error) as WaterspoutError;
      const isFinal = (name === "WaterspoutError" && !/QUEUE_FULL|INTERNAL/.test(code)) || signal.aborted || isOneShot;
      if (isFinal || ++failures >= maxAttempts) throw error;
    } finally {
      signal.removeEventListener("abort", abort);
      connection.abort();
    }
    if (isOneShot) {
      throw new WaterspoutError("BODY_NOT_REPLAYABLE", "the request's body is a stream, which cannot be sent again", { attempts: 1 });
    }
    const delay = Math.min(Math.max(parser.retry ?? retryDelay, SHORTEST_RETRY_DELAY) * 2 ** Math.max(0, failures - 1), maxDelay);
    await sleep(Math.min(delay * (1 + Math.random() / 2), LONGEST_DELAY), signal);
  }
}

/** Throws if a response is not a stream of events. Such a response is final, as in the HTML standard: no new connection is made. */
function checkResponse(response: Response): void {
  if (response.status !== OK) throw new WaterspoutError("STATUS", `the server answered with status ${response.status}`, { response, attempts: 1 });
  const type = response.headers.get("content-type") ?? "";
  if (!/^text\/event-stream\s*(;|$)/i.test(type)) {
    throw new WaterspoutError("DECODE", `the response is not a stream of events: its content type is "${type}"`, { response, attempts: 1 });
  }
}

/** Returns a text in UTF-8 as a header value: each byte as a character. */
function headerValue(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}

/** Waits. Rejects with the signal's reason when it is aborted. */
function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
  });
}

/** Parses the format of the HTML standard, section 9.2.6. Knows no connection. */
class Parser {
  id: string;
  retry: number | undefined;
  readonly #maxSize: number;
  /** The start of a line whose end has not arrived. */
  #partialLine = "";
  /** Whether the last piece ended with a carriage return. A line feed at the start of the next piece then belongs to it. */
  #endedWithReturn = false;
  /** The number of characters of the present event. */
  #size = 0;
  #data: string[] = [];
  #event = "";
  /** The id that becomes `id` at the end of the present event. */
  #nextId: string;

  constructor(id: string, maxSize: number) {
    this.id = id;
    this.#nextId = id;
    this.#maxSize = maxSize;
  }

  /** Starts a connection. An incomplete event of the last connection is dropped. */
  start(): void {
    this.#partialLine = "";
    this.#endedWithReturn = false;
    this.#nextId = this.id;
    this.#clear();
  }

  /** Yields the events that are complete with this piece of text. */
  *take(text: string): Generator<ServerEvent, void, undefined> {
    if (this.#endedWithReturn && text !== "") {
      if (text.startsWith("\n")) text = text.slice(1);
      this.#endedWithReturn = false;
    }
    if (text.endsWith("\r")) this.#endedWithReturn = true;
    const lines = text.split(/\r\n|\n|\r/);
    const last = lines.pop() ?? "";
    for (const line of lines) {
      const whole = this.#partialLine + line;
      this.#partialLine = "";
      const event = this.#takeLine(whole);
      if (event) yield event;
    }
    this.#partialLine += last;
    this.#checkSize(this.#partialLine.length);
  }

  #checkSize(added: number): void {
    if (this.#size + added > this.#maxSize) {
      throw new WaterspoutError("LIMIT_EXCEEDED", `an event is longer than ${this.#maxSize} characters; raise \`maxEventSize\``, { attempts: 1 });
    }
  }

  /** Takes a line. Returns an event if the line ends an event. */
  #takeLine(line: string): ServerEvent | undefined {
    if (line === "") return this.#endEvent();
    this.#checkSize(line.length);
    const [, name, value = ""] = /^([^:]*)(?:: ?([^]*))?$/.exec(line) ?? [];
    // A comment has no name and does not count towards the event's size.
    if (name) this.#size += line.length;
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.#nextId = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
    return undefined;
  }

  /** Returns the present event if it has data. */
  #endEvent(): ServerEvent | undefined {
    const data = this.#data;
    const event = this.#event || "message";
    this.#clear();
    this.id = this.#nextId;
    return data.length > 0 ? { event, data: data.join("\n"), id: this.id } : undefined;
  }

  #clear(): void {
    this.#data = [];
    this.#event = "";
    this.#size = 0;
  }
}
