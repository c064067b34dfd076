/** The shortcuts of a client: `client.get(url).json()` and so on. */
import { definedHeaders } from "./init.js";
import { pairs, REQUEST_OPTIONS } from "./options.js";
import { withPairs } from "./query.js";
import type { BodyWatch } from "./body-watch.js";
import type { ClientRequest } from "./request.js";
import type { FetchOptions, HeadersOption, ResponsePromise, ShortcutInit, WaterspoutInit } from "./types.js";

/** The arguments of `client.fetch`, and the options of the request. */
export interface Call {
  readonly url: string | URL;
  readonly init: WaterspoutInit;
  readonly options: FetchOptions | undefined;
}

/** Returns the call of a shortcut. Throws for wrong options. */
export function shortcutCall(method: string, url: string | URL, given?: ShortcutInit): Call {
  if (!given) return { url, init: { method }, options: undefined };
  const { json, form, searchParams, waterspout, ...rest } = given;
  const options: Record<string, unknown> = {};
  const init: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(rest)) {
    // The platform has a priority too, which is a text.
    const isOption = REQUEST_OPTIONS.includes(name) && !(name === "priority" && typeof value === "string");
    (isOption ? options : init)[name] = value;
  }
  const bodies = [
    json === undefined ? undefined : jsonText(json),
    form === undefined || form instanceof FormData ? form : new URLSearchParams(pairs(form, "form")),
    rest.body ?? undefined,
  ].filter((body) => body !== undefined);
  if (bodies.length > 1) throw new TypeError("json, form and body exclude each other; set a single body");
  if (bodies.length > 0) init.body = bodies[0];
  if (json !== undefined) init.headers = withJsonType(rest.headers);
  init.method = method;
  return { url: withPairs(String(url), pairs(searchParams), false), init, options: { ...options, ...waterspout } };
}

function jsonText(json: unknown): string {
  const text = JSON.stringify(json) as string | undefined;
  if (text === undefined) throw new TypeError(`json is of type ${typeof json}: it must be a value that JSON can express`);
  return text;
}

/** Returns `headers` with the type of JSON, unless they have a type. */
function withJsonType(headers: HeadersOption | undefined): HeadersOption {
  const hasType = new Headers(definedHeaders(headers)).has("content-type");
  if (hasType) return headers;
  const name = "content-type";
  const type = "application/json";
  return headers && Symbol.iterator in headers ? [...(headers as Iterable<[string, string]>), [name, type]] : { ...(headers as Record<string, string>), [name]: type };
}

/** The promise of a shortcut, with methods that read the response's body. */
export class ReadablePromise extends Promise<Response> implements ResponsePromise {
  readonly #request: ClientRequest | undefined;

  /** `send` returns the request whose outcome it passes on. What it throws rejects the promise. */
  constructor(send: (resolve: (response: Response) => void, reject: (error: unknown) => void) => ClientRequest) {
    let request: ClientRequest | undefined;
    super((resolve, reject) => (request = send(resolve, reject)));
    this.#request = request;
  }

  /** `then` and the like return plain promises. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  json<T = unknown>(): Promise<T> {
    return this.#read((response) => response.json() as Promise<T>, true);
  }

  text(): Promise<string> {
    return this.#read((response) => response.text());
  }

  blob(): Promise<Blob> {
    return this.#read((response) => response.blob());
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return this.#read((response) => response.arrayBuffer());
  }

  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#read(async (response) => new Uint8Array(await response.arrayBuffer()));
  }

  formData(): Promise<FormData> {
    return this.#read((response) => response.formData());
  }

  async #read<Value>(read: (response: Response) => Promise<Value>, isJson = false): Promise<Value> {
    const request = this.#request;
    const watch = request?.expectReader();
    let response: Response;
    try {
      response = await this;
    } catch (error) {
      watch?.onEnd();
      throw error;
    }
    // Without a request, the promise was rejected.
    return (watch as BodyWatch).readWhole(response, read, isJson);
  }
}
