/** axios with its adapter for fetch. */
import axios from "axios";
import { json, plainText, textsOf } from "../wire.mjs";

export const axiosClient = {
  name: "axios",
  create: (fetch, baseURL) => axios.create({ baseURL, adapter: "fetch", env: { fetch } }),
  call: async (api, text, signal) => (await api.post("/words", { text }, { signal })).data.text,
  reply: ({ url, body }) => (url === "/words" ? json(JSON.parse(body)) : json({ message: `no API at ${url}` }, 404)),
  isAbort: (error) => axios.isCancel(error) && error.code === "ERR_CANCELED",
  async *stream(api, text) {
    yield* textsOf((await api.get(`/words/${text}`, { responseType: "stream" })).data);
  },
  wire: plainText,
};
