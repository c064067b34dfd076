/** The Anthropic library: messages. */
import Anthropic, { APIUserAbortError } from "@anthropic-ai/sdk";
import { event, json } from "../wire.mjs";

const request = (text) => ({ model: "a-model", max_tokens: 100, messages: [{ role: "user", content: text }] });
const usage = { input_tokens: 1, output_tokens: 1 };
const message = (content) => ({ id: "message", type: "message", role: "assistant", model: "a-model", content, stop_reason: null, usage });

export const anthropic = {
  name: "@anthropic-ai/sdk",
  create: (fetch, url) => new Anthropic({ baseURL: url, apiKey: "key", fetch }),
  call: async (api, text, signal) => (await api.messages.create(request(text), { signal })).content[0].text,
  reply({ url, body }) {
    if (url !== "/v1/messages") return json({ type: "error", error: { type: "not_found_error", message: `no API at ${url}` } }, 404);
    return json(message([{ type: "text", text: JSON.parse(body).messages[0].content }]));
  },
  isAbort: (error) => error instanceof APIUserAbortError,
  async *stream(api, text) {
    for await (const { type, delta } of api.messages.stream(request(text))) if (type === "content_block_delta") yield delta.text;
  },
  wire: {
    type: "text/event-stream",
    open:
      event({ type: "message_start", message: message([]) }, "message_start") +
      event({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }, "content_block_start"),
    frame: (text) => event({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }, "content_block_delta"),
    close:
      event({ type: "content_block_stop", index: 0 }, "content_block_stop") +
      event({ type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 3 } }, "message_delta") +
      event({ type: "message_stop" }, "message_stop"),
  },
};
