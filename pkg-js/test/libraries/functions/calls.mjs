/** Calls of `client.fetch`, for clients that send through a fetch function of another package. */
import { beforeEnd } from "../checks.mjs";
import { isAbortError, json, plainText, textsOf } from "../wire.mjs";

/** Returns the checks of a client whose option `fetch` is `send`. */
export const through = (name, send, more = {}) => ({
  name,
  options: { fetch: send },
  create: (fetch, url) => (path, init) => fetch(`${url}${path}`, init),
  async call(api, text, signal) {
    const headers = { "content-type": "application/json" };
    const response = await api("/words", { method: "POST", headers, body: JSON.stringify({ text }), ...(signal && { signal }) });
    return (await response.json()).text;
  },
  reply({ url, method, headers, body }) {
    const isCall = url === "/words" && method === "POST" && headers["content-type"] === "application/json";
    return isCall ? json(JSON.parse(body)) : json({ text: `no API at ${method} ${url}` }, 404);
  },
  isAbort: isAbortError,
  async *stream(api, text) {
    yield* textsOf((await api(`/words/${text}`)).body);
  },
  wire: plainText,
  more,
});

/** Sends a call through a client, lets the server answer with the body that it received, and returns the exchange. */
export async function echo(server, call) {
  const answer = call();
  const exchange = await beforeEnd(server.exchange(server.exchanges.length), answer);
  exchange.answer({ body: exchange.body });
  const text = await (await answer).text();
  if (text !== exchange.body) throw new Error(`the answer is ${text}, not ${exchange.body}`);
  return exchange;
}
