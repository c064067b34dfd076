/**
 * The checks of tools that replace the platform's fetch. The client meets the tool, however late it was installed.
 */
import assert from "node:assert/strict";
import { Client } from "waterspout";
import { beforeEnd, rejection, until } from "../checks.mjs";

/** Returns the text of an answer. */
const textOf = async (answer) => (await answer).text();

/**
 * Makes plain calls, a call with limits and a retry, a shortcut, and a call with a body. The tool must answer all of
 * them.
 */
async function meets(client, server) {
  const url = `${server.url}/path`;
  const limits = { timeout: 15_000, retry: 2 };
  const post = { method: "POST", body: "text" };
  const calls = [client.fetch(url), client.fetch(url), client.fetch(url, { waterspout: limits }), client.get(url), client.fetch(url, post)];
  const answers = Promise.all(calls.map(textOf));
  // A request that misses the tool reaches the server, which never answers it.
  const missed = server.exchange(0).then(({ method }) => Promise.reject(new Error(`the server has a ${method} that the tool must answer`)));
  missed.catch(() => undefined);
  assert.deepEqual(await Promise.race([answers, missed]), Array(calls.length).fill("mocked"));
  assert.deepEqual([client.stats().active, client.stats().queued], [0, 0]);
}

/**
 * Returns the checks of a tool. `install(url)` makes the tool answer all requests to `url` with the text "mocked", and
 * `remove` ends that.
 */
export const mockChecks = ({ install, remove }) => ({
  "a client made after it meets it": async (server) => {
    install(server.url);
    try {
      await meets(new Client({ maxActive: 1 }), server);
    } finally {
      remove();
    }
  },
  "a client made before it meets it": async (server) => {
    const client = new Client({ maxActive: 1 });
    install(server.url);
    try {
      await meets(client, server);
    } finally {
      remove();
    }
  },
  "a client reaches the server once it is removed": async (server) => {
    install(server.url);
    const client = new Client({ maxActive: 1 });
    remove();
    const answer = client.fetch(`${server.url}/path`);
    const exchange = await beforeEnd(server.exchange(0), answer);
    exchange.answer({ body: "real" });
    assert.equal(await textOf(answer), "real");
  },
});

/** Aborts a running and a waiting request before the tool answers. `begun` returns the number of its requests. */
export async function aborts(url, begun) {
  const client = new Client({ maxActive: 1 });
  const [first, second] = [new AbortController(), new AbortController()];
  const run = rejection(client.fetch(url, { signal: first.signal }));
  const wait = rejection(client.fetch(url, { signal: second.signal }));
  await until("the tool has a request", () => begun() === 1);
  second.abort("waiting");
  first.abort("running");
  assert.deepEqual(await Promise.all([wait, run]), ["waiting", "running"]);
  assert.equal(begun(), 1);
  assert.deepEqual([client.stats().active, client.stats().queued], [0, 0]);
}

/** Sends six requests, two at a time. `answer` answers a request of the tool. */
export async function queues(url, begun, answer) {
  const client = new Client({ maxActive: 2 });
  const calls = Promise.all(Array.from({ length: 6 }, () => client.fetch(url).then((response) => response.text())));
  for (let answered = 0; answered < 6; answered++) {
    const wanted = Math.min(answered + 2, 6);
    await until(`the tool has ${wanted} requests`, () => begun() >= wanted);
    assert.equal(begun(), wanted, "the tool must get two requests at a time");
    answer();
  }
  assert.deepEqual(await calls, Array(6).fill("mocked"));
}
