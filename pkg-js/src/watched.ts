/** Streams that are watched piece by piece. */
import { after } from "./after.js";
import { timeoutError } from "./errors.js";

/**
 * The stream, pulled only when somebody reads; `onPiece` is told how long each piece was. It fails if a piece is waited for longer
 * than `idle` milliseconds, unless these are 0.
 */
export function watched(stream: ReadableStream<Uint8Array>, onPiece: (bytes: number) => void, idle = 0): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  const piece = async (): Promise<ReadableStreamReadResult<Uint8Array>> => {
    if (!idle) return reader.read();
    let stop!: () => void;
    const silence = new Promise<never>((_, reject) => {
      stop = after(idle, () => reject(timeoutError("waiting for a piece of the body", "idle", idle)));
    });
    return Promise.race([reader.read(), silence]).finally(stop);
  };
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    try {
      const { done, value } = await piece();
      if (done) return controller.close();
      controller.enqueue(value);
      onPiece(value.byteLength);
    } catch (error) {
      reader.cancel(error).catch(() => undefined);
      throw error;
    }
  };
  return new ReadableStream({ pull, cancel: (reason) => reader.cancel(reason) }, { highWaterMark: 0 });
}
