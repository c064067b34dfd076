/** The OpenAI library: chat completions. */
import OpenAI, { APIUserAbortError } from "openai";
import { event, json } from "../wire.mjs";

const request = (text) => ({ model: "a-model", messages: [{ role: "user", content: text }] });

export const openai = {
  name: "openai",
  create: (fetch, url) => new OpenAI({ baseURL: `${url}/v1`, apiKey: "key", fetch }),
  call: async (api, text, signal) => (await api.chat.completions.create(request(text), { signal })).choices[0].message.content,
  reply({ url, body }) {
    if (url !== "/v1/chat/completions") return json({ error: { message: `no API at ${url}` } }, 404);
    const message = { role: "assistant", content: JSON.parse(body).messages[0].content };
    return json({ id: "chat", object: "chat.completion", choices: [{ index: 0, finish_reason: "stop", message }] });
  },
  isAbort: (error) => error instanceof APIUserAbortError,
  async *stream(api, text) {
    const chunks = await api.chat.completions.create({ ...request(text), stream: true });
    for await (const chunk of chunks) yield chunk.choices[0].delta.content;
  },
  wire: {
    type: "text/event-stream",
    frame: (content) => event({ id: "chat", object: "chat.completion.chunk", choices: [{ index: 0, delta: { content } }] }),
    close: "data: [DONE]\n\n",
  },
};
