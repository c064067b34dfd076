/** Telling how far a body is. */
import { quietly } from "./errors.js";
import type { Progress } from "./types.js";
import { watched } from "./watched.js";

type Tell = (progress: Progress) => void;

/** Tells the progress; of a total that was less, as that of a compressed body is which another origin sends, nothing more. */
export function tell(callback: Tell, bytes: number, total: number = NaN): void {
  quietly(() => callback(total >= bytes ? { bytes, total } : { bytes }));
}

/** The stream, counted if somebody wants to be told, and read within the limit of silence. */
export function counted(stream: ReadableStream<Uint8Array>, callback: Tell | undefined, total?: number, idle?: number): ReadableStream<Uint8Array> {
  let bytes = 0;
  return watched(stream, (more) => callback && tell(callback, (bytes += more), total), idle);
}

/**
 * A Response with a watched body, that says the same of itself as the platform's. Its own properties say it, and not a proxy:
 * the platform takes a Response for one, to cache it say, and no proxy of one.
 */
export function watchedResponse(response: Response, callback: Tell | undefined, idle: number): Response {
  const { body, headers, url, type, redirected, status } = response;
  // Engines show a body that is empty where there may be none, and take none for a Response; nor a status that servers make up.
  if (!body || [101, 103, 204, 205, 304].includes(status) || status > 599) return response;
  const length = Number(headers.get("content-length") ?? NaN);
  // The length of an encoded body is not that of what is read.
  const total = length >= 0 && !headers.has("content-encoding") ? length : undefined;
  const as = (other: Response): Response => {
    const clone = other.clone.bind(other);
    const members = { url, type, redirected, clone: () => as(clone()) };
    for (const [name, value] of Object.entries(members)) Object.defineProperty(other, name, { value, configurable: true });
    return other;
  };
  return as(new Response(counted(body, callback, total, idle), response));
}

/** How many bytes a body has, as far as that is known without reading it. */
export function lengthOf(body: unknown): number | undefined {
  if (typeof body === "string" || body instanceof URLSearchParams) body = new Blob([body as string]);
  return body instanceof Blob ? body.size : (body as Partial<ArrayBuffer>).byteLength;
}
