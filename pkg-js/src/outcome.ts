/** How an attempt has ended. */
import { Answer } from "./core.js";
import { ignoreErrors, type ErrorCode } from "./errors.js";
import type { AnotherAttempt, QueueEvent } from "./types.js";

/** Code and message of the answers without a slot. */
export const FAILURES: { readonly [answer: number]: [code: ErrorCode, message: string] } = {
  [Answer.QueueFull]: ["QUEUE_FULL", "the queue is full: `maxQueued` requests wait"],
  [Answer.Cleared]: ["CLEARED", "the queue was cleared while the request waited"],
  [Answer.Closed]: ["CLOSED", "the client is closed"],
  [Answer.CoreFailed]: ["INTERNAL", "the WebAssembly core failed; further requests get a new core"],
};

/** How an attempt has ended: with a response, or with an error. */
export interface Outcome {
  readonly response?: Response | undefined;
  readonly error?: unknown;
  /** Whether a hook asks for another attempt. */
  readonly asked?: AnotherAttempt | undefined;
}

/** Returns the outcome of an attempt for observers and hooks. */
export function outcomeOf({ response, error }: Outcome): Pick<QueueEvent, "status" | "error"> {
  return response ? { status: response.status } : { error };
}

/** Cancels the body of a response that the caller does not get. */
export function discard(response: Response | undefined): void {
  // The bodies of some libraries are streams of Node.
  const body = response?.body as (ReadableStream & { destroy?(): void }) | null | undefined;
  ignoreErrors(() => response?.bodyUsed || (body?.destroy ? body.destroy() : body?.cancel()));
}
