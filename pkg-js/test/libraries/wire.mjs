/** Parts of responses that the APIs of several libraries share. */

/** Returns a response with a value as JSON. */
export const json = (value, status = 200) => ({ status, headers: { "content-type": "application/json" }, body: JSON.stringify(value) });

/** Returns a server-sent event with a value as JSON. */
export const event = (value, name) => `${name ? `event: ${name}\n` : ""}data: ${JSON.stringify(value)}\n\n`;

/** A response that consists of text. */
export const plainText = { type: "text/plain", frame: (text) => text };

/** Yields the pieces of a stream of bytes as text. */
export async function* textsOf(stream) {
  const decoder = new TextDecoder();
  for await (const piece of stream) yield decoder.decode(piece, { stream: true });
}

/** Whether an error is the platform's own abort. */
export const isAbortError = (error) => error?.name === "AbortError";
