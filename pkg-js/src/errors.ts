/** The package's own errors. What the platform's fetch throws is passed on as it is. */

/** Why an error of ours was thrown; the names are those of the Rust library's kinds, and `INTERNAL`: a defect of the core. */
export type ErrorCode =
  | "INVALID_URL"
  | "UNSUPPORTED_SCHEME"
  | "INVALID_REQUEST"
  | "TIMEOUT"
  | "DNS"
  | "CONNECT"
  | "PROXY"
  | "TLS"
  | "CONNECTION_CLOSED"
  | "PROTOCOL"
  | "IO"
  | "NETWORK"
  | "REDIRECT"
  | "BODY_NOT_REPLAYABLE"
  | "REQUEST_BODY"
  | "LIMIT_EXCEEDED"
  | "DECODE"
  | "STATUS"
  | "CIRCUIT_OPEN"
  | "UNSUPPORTED"
  | "CANCELLED"
  | "QUEUE_FULL"
  | "CLEARED"
  | "CLOSED"
  | "INTERNAL";

/** An error that is neither the platform's nor a wrong argument. */
export class WaterspoutError extends Error {
  override readonly name: string = "WaterspoutError";
  /** Why, in a form that stays the same from version to version. */
  readonly code: ErrorCode;
  /** How many attempts had been made; 0 if nothing was sent. */
  readonly attempts: number;
  /** What was to be sent, if it is about a request. */
  readonly request: Request | undefined;
  /** What was answered, if it is about a status; its body has not been read. */
  readonly response: Response | undefined;

  constructor(code: ErrorCode, message: string, { attempts = 0, request, response, ...options }: WaterspoutErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.attempts = attempts;
    this.request = request;
    this.response = response;
  }
}

/** What else an error says. */
export interface WaterspoutErrorOptions extends ErrorOptions {
  attempts?: number;
  request?: Request | undefined;
  response?: Response | undefined;
}

/**
 * Whether `error` is one of ours, and of that code if one is given, even if it comes from another copy of the package or another
 * realm.
 */
export function isWaterspoutError<Code extends ErrorCode>(error: unknown, code?: Code): error is WaterspoutError & { readonly code: Code } {
  const found = Object(error) as Partial<WaterspoutError>;
  return found.name === "WaterspoutError" && (code === undefined || found.code === code);
}

/** Whether a time limit passed: ours, or one of `AbortSignal.timeout`. */
export function isTimeoutError(error: unknown): boolean {
  return (Object(error) as Partial<Error>).name === "TimeoutError";
}

const made = new WeakMap<object, number>();

/** Notes how many attempts led to an answer or an error, which stays as it is. One goes without saying. */
export function noteAttempts(outcome: unknown, attempts: number): void {
  if (Object(outcome) !== outcome) return;
  if (attempts === 1) made.delete(outcome as object);
  else made.set(outcome as object, attempts);
}

/** How many attempts led to this answer, or to this error of the platform's; 1 if nothing is known of it. */
export function attemptsOf(outcome: object): number {
  return made.get(outcome) ?? (outcome instanceof WaterspoutError ? outcome.attempts : 1);
}

/** Calls somebody who only wants to be told: what that throws, or its promise rejects with, is its own affair. */
export async function quietly(call: () => unknown): Promise<void> {
  try {
    await call();
  } catch {
    // As said.
  }
}

/** The platform's own kind of error for a time limit, as `AbortSignal.timeout` gives it. */
export function timeoutError(activity: string, limit: string, milliseconds: number): DOMException {
  return new DOMException(`timed out while ${activity} (limit \`${limit}\`: ${milliseconds} ms)`, "TimeoutError");
}
