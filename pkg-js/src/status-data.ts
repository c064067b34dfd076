/** Reads the body of a response whose status is an error. */
import { Timer } from "./clock.js";
import { readUpTo } from "./stream.js";

/** The longest time for the body of a status error, in milliseconds. */
const DATA_TIMEOUT = 5000;

/** The largest body of a status error that is kept, in bytes. */
const MAX_DATA_BYTES = 65_536;

/**
 * Returns the body of a status error: JSON if its type says so, else text. Returns undefined and cancels the body if it is too large, if it
 * takes too long, or when `controller` aborts it.
 */
export async function readData(response: Response, controller: AbortController): Promise<unknown> {
  const timer = new Timer(DATA_TIMEOUT, () => controller.abort());
  try {
    const bytes = await readUpTo(response, MAX_DATA_BYTES, controller.signal);
    const text = bytes && new TextDecoder().decode(bytes);
    const isJson = /^[^;]*[/+]json\b/i.test(response.headers.get("content-type") ?? "");
    return text && isJson ? jsonOr(text) : text;
  } catch {
    // The status is worth more than the reason why its body could not be read.
    return undefined;
  } finally {
    timer.cancel();
  }
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
