/** ky, which passes each call as a Request. */
import ky from "ky";
import { isAbortError, json, plainText, textsOf } from "../wire.mjs";

export const kyClient = {
  name: "ky",
  create: (fetch, url) => ky.create({ baseUrl: `${url}/api/`, fetch }),
  call: async (api, text, signal) => (await api.post("words", { json: { text }, signal }).json()).text,
  reply: ({ url, body }) => (url === "/api/words" ? json(JSON.parse(body)) : json({ message: `no API at ${url}` }, 404)),
  isAbort: isAbortError,
  async *stream(api, text) {
    const response = await api.get(`words/${text}`);
    yield* textsOf(response.body);
  },
  wire: plainText,
};
