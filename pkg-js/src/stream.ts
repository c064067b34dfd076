/** Reads a body's stream piece by piece. */
import { timeoutError } from "./errors.js";
import { setTimer } from "./timer.js";

/**
 * Returns a stream of the same pieces and calls `onPiece` with the length of each piece.
 *
 * The result pulls from `stream` only while a reader waits for a piece. It fails if a piece takes longer than `idle`
 * milliseconds; 0 means no limit.
 */
export function observeStream(stream: ReadableStream<Uint8Array>, onPiece: (bytes: number) => void, idle = 0): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  const read = async (): Promise<ReadableStreamReadResult<Uint8Array>> => {
    if (!idle) return reader.read();
    let cancelTimer!: () => void;
    const silence = new Promise<never>((_, reject) => {
      cancelTimer = setTimer(idle, () => reject(timeoutError("waiting for a piece of the body", "idle", idle)));
    });
    return Promise.race([reader.read(), silence]).finally(cancelTimer);
  };
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    try {
      const { done, value } = await read();
      if (done) return controller.close();
      controller.enqueue(value);
      onPiece(value.byteLength);
    } catch (error) {
      reader.cancel(error).catch(() => undefined);
      throw error;
    }
  };
  // A mark of 0 means that the stream does not read ahead.
  return new ReadableStream({ pull, cancel: (reason) => reader.cancel(reason) }, { highWaterMark: 0 });
}
