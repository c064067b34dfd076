/** The fetch of the package undici, which refuses the Request of Node's own fetch. */
import assert from "node:assert/strict";
import { Agent, fetch } from "undici";
import { Client } from "waterspout";
import { echo, through } from "./calls.mjs";
import { moreWith } from "./more.mjs";

/** The member `dispatcher` belongs to undici and must reach it. */
async function withDispatcher(_, server) {
  let count = 0;
  const dispatcher = new Agent().compose((dispatch) => (options, handler) => ((count += 1), dispatch(options, handler)));
  await echo(server, () => new Client({ fetch }).fetch(`${server.url}/words`, { method: "POST", body: "text", dispatcher }));
  assert.equal(count, 1);
  await dispatcher.close();
}

export const undici = through("undici", fetch, { ...moreWith(fetch), "a dispatcher reaches undici": withDispatcher });
