/** MSW in Node: `setupServer`. */
import assert from "node:assert/strict";
import { http, HttpResponse } from "msw";
import { setupServer } from "msw/node";
import { Client } from "waterspout";
import { check } from "../checks.mjs";
import { withServer } from "../server.mjs";
import { aborts, mockChecks, queues } from "./calls.mjs";

/** Returns a tool whose handler is `resolver`. */
function tool(resolver) {
  let mock;
  return {
    install(url) {
      mock = setupServer(http.all(`${url}/path`, resolver));
      mock.listen({ onUnhandledRequest: "error" });
    },
    remove: () => mock.close(),
  };
}

/** Calls `use` while a handler holds its requests. */
async function whileHeld(url, use) {
  const held = [];
  let begun = 0;
  const { install, remove } = tool(() => ((begun += 1), new Promise((resolve) => held.push(() => resolve(new HttpResponse("mocked"))))));
  install(url);
  try {
    await use(`${url}/path`, () => begun, () => held.shift()());
  } finally {
    for (const answer of held) answer();
    remove();
  }
}

/** A handler's response is read while the handler writes it. */
async function streams({ url }) {
  const { readable, writable } = new TextEncoderStream();
  const writer = writable.getWriter();
  const { install, remove } = tool(() => new HttpResponse(readable));
  install(url);
  try {
    // With any fetch, MSW gives the response once its first piece is there.
    void writer.write("alpha");
    const { body } = await new Client().fetch(`${url}/path`);
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    assert.deepEqual(await reader.read(), { done: false, value: "alpha" });
    void writer.write("beta");
    assert.deepEqual(await reader.read(), { done: false, value: "beta" });
    void writer.close();
    assert.equal((await reader.read()).done, true);
  } finally {
    remove();
  }
}

/**
 * Sends requests from several boundaries. MSW keeps the handlers of a boundary in an async context, so a request that
 * waited must be sent in the context of its own call.
 */
async function boundaries({ url }) {
  const mock = setupServer();
  mock.listen({ onUnhandledRequest: "error" });
  const client = new Client({ maxActive: 1 });
  const ask = (text) =>
    mock.boundary(async () => {
      mock.use(http.all(`${url}/path`, () => new HttpResponse(text)));
      return (await client.fetch(`${url}/path`)).text();
    })();
  try {
    assert.deepEqual(await Promise.all(["first", "second", "third"].map(ask)), ["first", "second", "third"]);
  } finally {
    mock.close();
  }
}

export async function msw() {
  const checks = {
    ...mockChecks(tool(() => new HttpResponse("mocked"))),
    "six calls run two at a time": ({ url }) => whileHeld(url, queues),
    "a running call and a waiting call can be aborted": ({ url }) => whileHeld(url, aborts),
    "a response is read while it arrives": streams,
    "a waiting request meets the handlers of its own boundary": boundaries,
  };
  for (const [fact, holds] of Object.entries(checks)) await check(`msw: ${fact}`, () => withServer(holds));
}
