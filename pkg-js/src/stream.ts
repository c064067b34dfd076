/** Reads a body's stream piece by piece. */
import { untilAborted } from "./abort.js";
import { Timer } from "./clock.js";
import { timeoutError } from "./errors.js";

/** A piece of a body. */
export type Piece = Uint8Array<ArrayBuffer>;

export interface StreamObserver {
  /** Ends the stream with its reason, even if the observed stream does not heed it. */
  readonly signal?: AbortSignal | undefined;
  /** Called at the first read. */
  onRead?(): void;
  /** Called with the length of each piece. */
  onPiece?(bytes: number): void;
  /** Called when the stream has failed. Returns the error for the reader. */
  onError?(error: unknown): unknown;
  /** Called when the stream has ended or has failed. */
  onEnd?(): void;
  /** Called when the stream was cancelled. */
  onCancel?(): void;
}

/** Returns the error for a body that has another reader. */
export function bodyInUse(): TypeError {
  return new TypeError("the body is being read already");
}

/** Returns whether the pieces of a stream may be read into memory of the reader. */
function isByteStream(stream: ReadableStream): boolean {
  try {
    stream.getReader({ mode: "byob" }).releaseLock();
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns a stream of the same kind and the same bytes that calls `observer`. `open` returns the observed stream.
 *
 * The result reads only while a reader waits for a piece. It fails if a piece takes longer than `idle` milliseconds; 0 means no limit.
 */
export function observeStream(open: () => ReadableStream<Piece>, { signal, onRead, onPiece, onError, onEnd, onCancel }: StreamObserver, idle = 0): ReadableStream<Piece> {
  let reader: ReadableStreamDefaultReader<Piece> | undefined;
  let isCancelled = false;
  const opened = (): ReadableStreamDefaultReader<Piece> => {
    if (!reader) onRead?.();
    return (reader ??= open().getReader());
  };
  const read = async (): Promise<ReadableStreamReadResult<Piece>> => {
    const piece = opened().read();
    if (signal) return untilAborted(piece, signal);
    if (!idle) return piece;
    let timer!: Timer;
    const silence = new Promise<never>((_, reject) => {
      timer = new Timer(idle, () => reject(timeoutError("waiting for a piece of the body", "idle", idle)));
    });
    return Promise.race([piece, silence]).finally(() => timer.cancel());
  };
  const pull = async (controller: ReadableStreamDefaultController<Piece> | ReadableByteStreamController): Promise<void> => {
    try {
      const { done, value } = await read();
      if (isCancelled) return;
      if (done) {
        controller.close();
        // A reader that brought its own memory gets it back.
        (controller as Partial<ReadableByteStreamController>).byobRequest?.respond(0);
        return onEnd?.();
      }
      // A stream of bytes takes the memory of the piece.
      const length = onPiece ? value.byteLength : 0;
      controller.enqueue(value);
      onPiece?.(length);
    } catch (cause) {
      const error = onError ? onError(cause) : cause;
      reader?.cancel(error).catch(() => undefined);
      onEnd?.();
      throw error;
    }
  };
  const cancel = (reason: unknown): Promise<void> => {
    // Throws if the body has another reader.
    const cancelling = opened().cancel(reason);
    isCancelled = true;
    onCancel?.();
    return cancelling;
  };
  // A mark of 0 means that the stream does not read ahead.
  const type = isByteStream(open()) ? { type: "bytes" as const } : {};
  return new ReadableStream({ ...type, pull, cancel } as UnderlyingDefaultSource<Piece>, { highWaterMark: 0 });
}

/** Returns the bytes of a body. Returns undefined and cancels the body if it has more than `limit` bytes, or when `signal` is aborted. */
export async function readUpTo(source: Request | Response, limit: number, signal?: AbortSignal): Promise<Piece | undefined> {
  // Firefox has no `Request.body`.
  if (!source.body) {
    const bytes = new Uint8Array(await source.arrayBuffer());
    return bytes.length > limit ? undefined : bytes;
  }
  const reader = (source.body as ReadableStream<Piece>).getReader();
  const cancel = (): void => void reader.cancel().catch(() => undefined);
  // The signal belongs to the request alone.
  signal?.addEventListener("abort", cancel);
  const pieces: Piece[] = [];
  for (let length = 0, piece; !(piece = await reader.read()).done; ) {
    pieces.push(piece.value);
    length += piece.value.byteLength;
    if (length > limit) return cancel() as undefined;
  }
  // The end may be that of a cancelled body.
  if (signal?.aborted) return undefined;
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}
