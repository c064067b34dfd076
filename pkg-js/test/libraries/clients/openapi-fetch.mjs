/** openapi-fetch. It passes each call as a Request, which has the body. */
import createApi from "openapi-fetch";
import { isAbortError, json, plainText, textsOf } from "../wire.mjs";

const create = (fetch, baseUrl) => createApi({ baseUrl, fetch });

async function call(api, text, signal) {
  const { data, error } = await api.POST("/words", { body: { text }, signal });
  if (error) throw new Error(JSON.stringify(error));
  return data.text;
}

const reply = ({ url, method, body }) => (url === "/words" && method === "POST" ? json(JSON.parse(body)) : json({ message: `no API at ${url}` }, 404));

export const openapiFetch = {
  name: "openapi-fetch",
  create,
  call,
  reply,
  isAbort: isAbortError,
  async *stream(api, text) {
    const { data } = await api.GET("/words/{text}", { params: { path: { text } }, parseAs: "stream" });
    yield* textsOf(data);
  },
  wire: plainText,
};
