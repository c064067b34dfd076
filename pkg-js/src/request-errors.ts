/** The errors about a request: with its Request, its number of attempts, and the place of the call. */
import type { FetchArguments } from "./arguments.js";
import { Answer } from "./core.js";
import { callSite, WaterspoutError, withCallSite, type ErrorCode, type WaterspoutErrorOptions } from "./errors.js";

/** Code and message of the answers without a slot. */
const FAILURES: { readonly [answer: number]: [code: ErrorCode, message: string] } = {
  [Answer.QueueFull]: ["QUEUE_FULL", "the queue is full: `maxQueued` requests wait"],
  [Answer.Cleared]: ["CLEARED", "the queue was cleared while the request waited"],
  [Answer.Closed]: ["CLOSED", "the client is closed"],
  [Answer.CoreFailed]: ["INTERNAL", "the WebAssembly core failed; further requests get a new core"],
};

export class RequestErrors {
  /** The place of the call in the caller's code. */
  #callSite: Error | undefined;

  /** Records the place of the call. Must be called within the call. */
  recordCall(): void {
    this.#callSite ??= callSite();
  }

  /** Returns the error for a request that gets no slot. */
  ofAnswer(answer: Answer, attempts: number, call: FetchArguments | undefined): WaterspoutError {
    const [code, message] = FAILURES[answer] as (typeof FAILURES)[number];
    return this.of(code, message, attempts, call);
  }

  of(code: ErrorCode, message: string, attempts: number, call: FetchArguments | undefined, details?: WaterspoutErrorOptions): WaterspoutError {
    return withCallSite(new WaterspoutError(code, message, { attempts, request: requestOf(call), ...details }), this.#callSite);
  }
}

/** Returns the Request of the present attempt. Returns undefined if only a `fetch` of the caller's own knows the URL. */
export function requestOf(call: FetchArguments | undefined): Request | undefined {
  try {
    return call?.request;
  } catch {
    return undefined;
  }
}
