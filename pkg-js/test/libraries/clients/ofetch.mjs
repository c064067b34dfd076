/** ofetch: a function of `createFetch`. */
import { createFetch } from "ofetch";
import { json, plainText, textsOf } from "../wire.mjs";

export const ofetch = {
  name: "ofetch",
  create: (fetch, baseURL) => createFetch({ fetch, Headers, AbortController, defaults: { baseURL } }),
  call: async (api, text, signal) => (await api("/words", { method: "POST", body: { text }, signal })).text,
  reply: ({ url, body }) => (url === "/words" ? json(JSON.parse(body)) : json({ message: `no API at ${url}` }, 404)),
  // The library wraps each failure in its FetchError.
  isAbort: ({ name, cause }) => name === "FetchError" && cause.name === "AbortError",
  async *stream(api, text) {
    yield* textsOf(await api(`/words/${text}`, { responseType: "stream" }));
  },
  wire: plainText,
};
