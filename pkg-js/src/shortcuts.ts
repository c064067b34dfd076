/** The shortcuts of a client: `client.get(url).json()` and so on. */
import { definedHeaders } from "./init.js";
import { pairs, REQUEST_OPTIONS } from "./options.js";
import { withPairs } from "./query.js";
import { READERS } from "./response.js";
import type { FetchOptions, ResponsePromise, ShortcutInit, WaterspoutInit } from "./types.js";

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
    json === undefined ? undefined : JSON.stringify(json),
    form === undefined || form instanceof FormData ? form : new URLSearchParams(pairs(form, "form")),
    rest.body ?? undefined,
  ].filter((body) => body !== undefined);
  if (bodies.length > 1) throw new TypeError("json, form and body exclude each other; set only one of them");
  if (bodies.length > 0) init.body = bodies[0];
  if (rest.headers) init.headers = definedHeaders(rest.headers);
  if (json !== undefined) {
    const headers = new Headers(init.headers as HeadersInit);
    if (!headers.has("content-type")) headers.set("content-type", "application/json");
    init.headers = headers;
  }
  if (method !== "GET") init.method = method;
  return { url: withPairs(String(url), pairs(searchParams), false), init, options: { ...options, ...waterspout } };
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
