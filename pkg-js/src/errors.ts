/** The package's own errors. What the platform's fetch throws is passed on as it is. */

/** Why an error of ours was thrown; the names are those of the Rust library's kinds. */
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
  | "CLOSED";

/** An error that is neither the platform's nor a wrong argument. */
export class WaterspoutError extends Error {
  override readonly name: string = "WaterspoutError";
  /** Why, in a form that stays the same from version to version. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whether `error` is one of ours, even if it comes from another copy of the package or another realm. */
export function isWaterspoutError(error: unknown): error is WaterspoutError {
  return typeof error === "object" && error !== null && "name" in error && error.name === "WaterspoutError" && "code" in error;
}

const activities: Record<string, string> = {
  queue: "waiting for a free slot",
  head: "waiting for the response's head",
  body: "reading the body",
};

/** The platform's own kind of error for a time limit, as `AbortSignal.timeout` gives it. */
export function timeoutError(phase: string, limit: string, milliseconds: number): DOMException {
  const activity = activities[phase] ?? phase;
  return new DOMException(`timed out while ${activity} (limit \`${limit}\`: ${milliseconds} ms)`, "TimeoutError");
}
