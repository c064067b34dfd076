/** The shortcuts of a client: `client.get(url).json()` and so on. */
import { definedHeaders } from "./init.js";
import { pairs, REQUEST_OPTIONS } from "./options.js";
import { withPairs } from "./query.js";
import { READERS } from "./response.js";
import type { FetchOptions, HeadersOption, ResponsePromise, ShortcutInit, WaterspoutInit } from "./types.js";

/** The arguments of `client.fetch`, and the options of the request. */
export interface Call {
  readonly url: string | URL;
  readonly init: WaterspoutInit;
  readonly options: FetchOptions;
}

/** Returns the call of a shortcut. Throws for wrong options. */
export function shortcutCall(method: string, url: string | URL, given: ShortcutInit = {}): Call {
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
  if (bodies.length > 1) throw new TypeError("json, form and body exclude each other; set only one of them");
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

/** Returns the promise with methods that read the response's body. */
export function withReaders(promise: Promise<Response>): ResponsePromise {
  for (const name of READERS) {
    const read = async (): Promise<unknown> => {
      const response = await promise;
      // Not every platform has `bytes`.
      return name === "bytes" && !response.bytes ? new Uint8Array(await response.arrayBuffer()) : response[name]();
    };
    Object.defineProperty(promise, name, { value: read, configurable: true, writable: true });
  }
  return promise as ResponsePromise;
}
