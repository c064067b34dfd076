/** The state of a client that its requests share. */
import type { Sender } from "./arguments.js";
import type { Core } from "./core.js";
import type { RequestReport } from "./report.js";
import type { ClientRequest } from "./request.js";
import type { QueueEvent, WaterspoutInit } from "./types.js";

/** The state that the requests of a client share, also with the clients that `extend` derives from it. */
export interface ClientContext {
  readonly core: Core;
  /** Calls the platform's fetch. */
  readonly platformFetch: Sender;
  /** Answers a call that the client itself has sent, through a global fetch that calls the client. Returns undefined for other calls. */
  direct(thisArg: unknown, input: RequestInfo | URL, init: WaterspoutInit | undefined): Promise<Response> | undefined;
  /** Whether the client has limits by origin, so that the core needs each request's origin. */
  readonly hasOriginLimits: boolean;
  /** The requests that have not ended. */
  readonly requests: Set<ClientRequest>;
  readonly observers: Set<(event: QueueEvent) => void>;
  /** The reports of requests whose observers wait for the end of the body. This set keeps the reports alive until then. */
  readonly awaitingEnd: Set<RequestReport>;
  /** The number of requests so far. */
  requestCount: number;
  /** Aborts requests that have no limits, retries, hooks and signal, when the client is closed at once. */
  shared: AbortController;
  sharedCount: number;
  /** When the limits of all requests were checked. */
  checkedAt: number;
  /** Called once no request is left. */
  readonly onIdle: Set<() => void>;
}

/** The number of requests for which a shared controller serves. Engines keep a listener for each until they collect it. */
const SHARED_REQUESTS = 50;

/** Returns the shared controller of a client. Makes a new controller once the present controller has served enough requests. */
export function sharedController(context: ClientContext): AbortController {
  if (context.sharedCount++ % SHARED_REQUESTS === 0) context.shared = new AbortController();
  return context.shared;
}
