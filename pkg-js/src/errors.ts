/** The package's own errors. Errors that the platform's fetch throws are passed on unchanged. */

/** Why a `WaterspoutError` was thrown: names of the Rust library's error kinds, and `INTERNAL` for a defect of the core. */
export type ErrorCode =
  /** `maxQueued` requests wait. */
  | "QUEUE_FULL"
  /** `clear` was called while the request waited. */
  | "CLEARED"
  /** The client is closed. */
  | "CLOSED"
  /** The server answered with a status of 400 or above, or with a status other than 200 to a request for events. */
  | "STATUS"
  /** The request failed, and its body cannot be sent again. */
  | "BODY_NOT_REPLAYABLE"
  /** The response is not a stream of events. */
  | "DECODE"
  /** An event is larger than `maxEventSize`. */
  | "LIMIT_EXCEEDED"
  /** WebAssembly is not available. */
  | "UNSUPPORTED"
  /** The core is defective. */
  | "INTERNAL";

/** An error of this package. The platform's own errors and wrong arguments (`TypeError`, `RangeError`) have other classes. */
export class WaterspoutError extends Error {
  override readonly name: string = "WaterspoutError";
  // With `declare`, the compiler emits no field: the constructor assigns the member.
  /** Why the error was thrown. The code stays the same from version to version. */
  declare readonly code: ErrorCode;
  /** The number of attempts made; 0 if nothing was sent. */
  declare readonly attempts: number;
  /** The request that the error is about, if there is a request. */
  declare readonly request: Request | undefined;
  /** The response, if the error is about a response. A client has read or cancelled its body. */
  declare readonly response: Response | undefined;
  /**
   * The body of the response to a request of a client, if the error is about a status: JSON if the content type says so, else text.
   * Undefined if the body has more than 64 KiB, or did not arrive within 5 seconds.
   */
  declare readonly data: unknown;

  constructor(code: ErrorCode, message: string, { attempts = 0, request, response, data, ...options }: WaterspoutErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.attempts = attempts;
    this.request = request;
    this.response = response;
    this.data = data;
  }
}

/** The optional members of a `WaterspoutError`. */
export interface WaterspoutErrorOptions extends ErrorOptions {
  attempts?: number;
  request?: Request | undefined;
  response?: Response | undefined;
  data?: unknown;
}

/**
 * Returns whether `error` is a `WaterspoutError`, and if `code` is given, whether it has that code.
 *
 * The error may come from another copy of the package or from another realm.
 */
export function isWaterspoutError<Code extends ErrorCode>(error: unknown, code?: Code): error is WaterspoutError & { readonly code: Code } {
  const found = Object(error) as Partial<WaterspoutError>;
  return found.name === "WaterspoutError" && (code === undefined || found.code === code);
}

/** Returns whether `error` says that a time limit passed: a limit of this package or of `AbortSignal.timeout`. */
export function isTimeoutError(error: unknown): boolean {
  return (Object(error) as Partial<Error>).name === "TimeoutError";
}

/** The number of attempts behind a response or an error. An absent entry means 1. */
const attemptCounts = new WeakMap<object, number>();

/** Records the number of attempts behind a response or an error, without a change to the object itself. */
export function noteAttempts(outcome: unknown, attempts: number): void {
  if (Object(outcome) !== outcome) return;
  if (attempts === 1) attemptCounts.delete(outcome as object);
  else attemptCounts.set(outcome as object, attempts);
}

/** Returns the number of attempts behind a response or an error; 1 if the object is unknown. */
export function attemptsOf(outcome: object): number {
  return attemptCounts.get(outcome) ?? (outcome instanceof WaterspoutError ? outcome.attempts : 1);
}

/** Calls a callback and ignores what it throws and what its promise rejects with. */
export async function ignoreErrors(call: () => unknown): Promise<void> {
  try {
    await call();
  } catch {
    // A callback that only receives information cannot fail a request.
  }
}

/** Returns the platform's error for a time limit, of the same kind as the reason of `AbortSignal.timeout`. */
export function timeoutError(activity: string, limit: string, milliseconds: number): DOMException {
  return new DOMException(`timed out while ${activity} (limit \`${limit}\`: ${milliseconds} ms)`, "TimeoutError");
}

/** The number of calls between the caller and the function that records its place. */
const OWN_LINES = 12;

/** Returns the place of the present call in the caller's code. */
export function callSite(): Error {
  const engine = Error as { stackTraceLimit?: number };
  const { stackTraceLimit } = engine;
  try {
    // The functions of this package take some of the lines.
    if (stackTraceLimit) engine.stackTraceLimit = stackTraceLimit + OWN_LINES;
  } catch {
    // `Error` is frozen.
    return new Error();
  }
  const site = new Error();
  if (stackTraceLimit) engine.stackTraceLimit = stackTraceLimit;
  return site;
}

/** Adds the place of a call to the stack of an error that was made in a later turn. */
export function withCallSite<Kind extends Error>(error: Kind, site: Error | undefined): Kind {
  // The function `Error.prepareStackTrace` of an application may return any value as the stack, or throw.
  try {
    // V8 begins a stack with a line for the error itself.
    const lines = site?.stack?.replace(/^Error(\n|$)/, "");
    if (lines) Object.defineProperty(error, "stack", { value: `${error.stack ?? String(error)}\n${lines}`, configurable: true, writable: true });
  } catch {
    // The error keeps its own stack.
  }
  return error;
}
