/** Further checks of each fetch function of another package. */
import assert from "node:assert/strict";
import { Client } from "waterspout";
import { beforeEnd, rejection, until } from "../checks.mjs";
import { echo } from "./calls.mjs";

/** Returns the checks with the fetch function `send`. */
export const moreWith = (send) => ({
  "a Request argument arrives with method, headers and body": async (_, server) => {
    const client = new Client({ fetch: send });
    const request = new Request(`${server.url}/words`, { method: "PUT", headers: { "x-name": "value" }, body: "text" });
    const { method, headers, body } = await echo(server, () => client.fetch(request));
    assert.deepEqual([method, headers["x-name"], body], ["PUT", "value", "text"]);
  },
  "a limit ends the request": async (_, server) => {
    const client = new Client({ fetch: send, timeout: { head: 1_000 } });
    const answer = client.fetch(`${server.url}/words`, { method: "POST", body: "text" });
    const exchange = await beforeEnd(server.exchange(0), answer);
    assert.equal((await rejection(answer)).name, "TimeoutError");
    await until("the server sees the abort", () => exchange.isAborted);
  },
  "a retry cancels the body of the last response": async (_, server) => {
    const client = new Client({ fetch: send, retry: { baseDelay: 1 } });
    const answer = client.fetch(`${server.url}/words`);
    const first = await beforeEnd(server.exchange(0), answer);
    first.start({ "content-type": "text/plain" }, 503);
    first.write("the first piece");
    const second = await beforeEnd(server.exchange(1), answer);
    await until("the server sees the end of the first response", () => first.isAborted);
    second.answer({ body: "text" });
    assert.equal(await (await answer).text(), "text");
  },
  "a shortcut sends and reads JSON": async (_, server) => {
    const client = new Client({ fetch: send });
    const answer = client.post(`${server.url}/words`, { json: { a: 1 } }).json();
    const { method, headers, body } = await beforeEnd(server.exchange(0), answer);
    assert.deepEqual([method, headers["content-type"], body], ["POST", "application/json", '{"a":1}']);
    server.exchanges[0].answer({ body });
    assert.deepEqual(await answer, { a: 1 });
  },
  "the progress of the download is reported": async (_, server) => {
    const seen = [];
    const onDownloadProgress = ({ bytes }) => seen.push(bytes);
    await echo(server, () => new Client({ fetch: send }).fetch(`${server.url}/words`, { method: "POST", body: "text", waterspout: { onDownloadProgress } }));
    assert.equal(seen.at(-1), 4);
  },
  "the function is called with a URL and an init": async (_, server) => {
    const calls = [];
    const client = new Client({ fetch: (...call) => (calls.push(call), send(...call)) });
    await echo(server, () => client.fetch(`${server.url}/words`, { method: "POST", body: "text", waterspout: { priority: 1 } }));
    const [[url, init]] = calls;
    assert.equal(url, `${server.url}/words`);
    assert.deepEqual([init.method, init.body, "waterspout" in init], ["POST", "text", false]);
  },
});
