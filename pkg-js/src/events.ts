/** Server-sent events over any fetch: an entry of its own, for those who use it. */
import { WaterspoutError } from "./errors.js";
import type { FetchOptions } from "./types.js";

/** An event. */
export interface ServerEvent {
  /** Its type: `message` unless the server says otherwise. */
  readonly event: string;
  readonly data: string;
  /** The id to go on from, this event's or an earlier one's. */
  readonly id: string;
}

/** What asks for events, and how it is done again. */
export interface EventsInit extends Omit<RequestInit, "body"> {
  /** The body, or a function that makes it anew for each connection: a stream can be sent only once. */
  body?: RequestInit["body"] | (() => NonNullable<RequestInit["body"]>);
  /** Settings of each of its requests, if it goes through a client. */
  waterspout?: FetchOptions;
  /**
   * How long to wait before connecting again, in milliseconds, until the server says otherwise. It doubles with each attempt in
   * a row that fails; up to half more is added at random. The least is 100.
   * @default 3000
   */
  retryDelay?: number;
  /**
   * The longest such wait, before chance adds to it, in milliseconds.
   * @default 300000
   */
  maxDelay?: number;
  /**
   * How many attempts in a row may fail; Infinity for any number.
   * @default 5
   */
  maxAttempts?: number;
  /**
   * The longest event, in characters.
   * @default 1048576
   */
  maxEventSize?: number;
}

/**
 * The events that the server sends in answer, as an async iterable that connects again when it is lost, with the last event's id
 * in `last-event-id`. A header of that name in `init` says where to begin.
 *
 * `through` is a client, or a function like fetch. It ends when the server answers with 204, when the loop is left, and after
 * any error: of code `"STATUS"` if the status is not 200, `"DECODE"` if the answer is no stream of events, `"LIMIT_EXCEEDED"` for
 * an event that is too long; the signal's own reason; and what the last attempt failed with. `return` ends the connection at once, even
 * while somebody waits for an event, who is told that there are no more.
 */
export function events(through: { fetch: Fetch } | Fetch, url: string | URL, init: EventsInit = {}): AsyncGenerator<ServerEvent, void, undefined> {
  const stop = new AbortController();
  const generator = until(stop, init.signal, connections(through, url, init, stop.signal));
  const end = generator.return.bind(generator);
  const leave: typeof end = (value) => {
    stop.abort();
    return end(value);
  };
  return Object.assign(generator, { return: leave });
}

/** The same until it is stopped, which is no error, or the caller's signal says so, which is one. */
async function* until(stop: AbortController, signal: AbortSignal | null | undefined, all: AsyncGenerator<ServerEvent, void, undefined>): AsyncGenerator<ServerEvent, void, undefined> {
  const follow = (): void => stop.abort(signal?.reason);
  if (signal?.aborted) follow();
  signal?.addEventListener("abort", follow);
  try {
    yield* all;
  } catch (error) {
    if (signal?.aborted || !stop.signal.aborted) throw error;
  } finally {
    signal?.removeEventListener("abort", follow);
  }
}

async function* connections(
  through: { fetch: Fetch } | Fetch,
  url: string | URL,
  { retryDelay = 3000, maxDelay = 300_000, maxAttempts = 5, maxEventSize = 1 << 20, body, ...init }: EventsInit,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent, void, undefined> {
  const fetch = typeof through === "function" ? through : through.fetch;
  const headers = new Headers(init.headers);
  if (!headers.has("accept")) headers.set("accept", "text/event-stream");
  const isOneShot = body instanceof ReadableStream;
  const parser = new Parser(headers.get("last-event-id") ?? "", maxEventSize);
  for (let failures = 0; ; ) {
    if (parser.id) headers.set("last-event-id", encode(parser.id));
    // Leaving the loop ends the connection, wherever it is.
    const left = new AbortController();
    const leave = (): void => left.abort(signal.reason);
    if (signal.aborted) leave();
    signal.addEventListener("abort", leave);
    try {
      const present = typeof body === "function" ? body() : body;
      const streams = present instanceof ReadableStream && { duplex: "half" };
      const response = await fetch(url, { cache: "no-store", ...init, ...streams, headers, signal: left.signal, ...(present != null && { body: present }) });
      if (response.status === 204) return;
      check(response);
      failures = 0;
      const decoder = new TextDecoder();
      parser.start();
      const reader = response.body?.getReader();
      for (let piece; reader && !(piece = await reader.read()).done; ) yield* parser.take(decoder.decode(piece.value, { stream: true }));
    } catch (error) {
      // A client's errors are of another entry's class. A full queue and a broken core pass.
      const { name, code } = Object(error) as WaterspoutError;
      const isFinal = (name === "WaterspoutError" && !/QUEUE_FULL|INTERNAL/.test(code)) || signal.aborted || isOneShot;
      if (isFinal || ++failures >= maxAttempts) throw error;
    } finally {
      signal.removeEventListener("abort", leave);
      left.abort();
    }
    if (isOneShot) {
      throw new WaterspoutError("BODY_NOT_REPLAYABLE", "the request's body, a stream, cannot be sent again", { attempts: 1 });
    }
    const delay = Math.min(Math.max(parser.retry ?? retryDelay, 100) * 2 ** Math.max(0, failures - 1), maxDelay);
    // A longer delay would be taken for none.
    await sleep(Math.min(delay * (1 + Math.random() / 2), 0x7fff_ffff), signal);
  }
}

type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** What is no stream of events is final, as the HTML standard has it. */
function check(response: Response): void {
  if (response.status !== 200) throw new WaterspoutError("STATUS", `the server answered with status ${response.status}`, { response, attempts: 1 });
  const type = response.headers.get("content-type") ?? "";
  if (!/^text\/event-stream\s*(;|$)/i.test(type)) {
    throw new WaterspoutError("DECODE", `the answer is no stream of events: its content type is "${type}"`, { response, attempts: 1 });
  }
}

/** An id's characters as the bytes of a header. */
function encode(id: string): string {
  return Array.from(new TextEncoder().encode(id), (byte) => String.fromCharCode(byte)).join("");
}

/** The wait; the signal's reason ends it. */
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

/** The format, without a connection: the HTML standard, section 9.2.6. */
class Parser {
  id: string;
  retry: number | undefined;
  readonly #most: number;
  #rest = "";
  #afterReturn = false;
  #size = 0;
  #data: string[] = [];
  #event = "";
  #nextId: string;

  constructor(id: string, most: number) {
    this.id = this.#nextId = id;
    this.#most = most;
  }

  /** A new connection: what was not whole is forgotten. */
  start(): void {
    [this.#rest, this.#afterReturn, this.#nextId] = ["", false, this.id];
    this.#clear();
  }

  *take(text: string): Generator<ServerEvent, void, undefined> {
    // A line break of two characters may be split between two pieces.
    if (this.#afterReturn && text !== "") {
      if (text.startsWith("\n")) text = text.slice(1);
      this.#afterReturn = false;
    }
    if (text.endsWith("\r")) this.#afterReturn = true;
    const lines = text.split(/\r\n|\n|\r/);
    const last = lines.pop() ?? "";
    for (const line of lines) {
      const whole = this.#rest + line;
      this.#rest = "";
      const event = this.#line(whole);
      if (event) yield event;
    }
    this.#rest += last;
    this.#grow(this.#rest.length);
  }

  #grow(by: number): void {
    if (this.#size + by > this.#most) throw new WaterspoutError("LIMIT_EXCEEDED", `an event is longer than ${this.#most} characters; raise \`maxEventSize\``, { attempts: 1 });
  }

  #line(line: string): ServerEvent | undefined {
    if (line === "") {
      const [data, event] = [this.#data, this.#event || "message"];
      this.#clear();
      this.id = this.#nextId;
      return data.length > 0 ? { event, data: data.join("\n"), id: this.id } : undefined;
    }
    this.#grow(line.length);
    const [, name, value = ""] = /^([^:]*)(?:: ?([^]*))?$/.exec(line) ?? [];
    if (name) this.#size += line.length;
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.#nextId = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
    return undefined;
  }

  #clear(): void {
    [this.#data, this.#event, this.#size] = [[], "", 0];
  }
}
