/** Runs the worker of the README in workerd, with a server of its own in place of the API. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { workerAnswer } from "../engines.mjs";

export async function inWorkerd(user, code) {
  const server = createServer(({ url }, response) => response.setHeader("content-type", "application/json").end(JSON.stringify(url)));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const answer = await workerAnswer(user, code, { API_URL: `http://127.0.0.1:${server.address().port}/` });
    assert.deepEqual(answer, { user: "/user", posts: "/posts" });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
