/** A fetch as SvelteKit gives it to `load`: it resolves a relative URL against the URL of the page. */
import assert from "node:assert/strict";
import { Client } from "waterspout";
import { beforeEnd } from "../checks.mjs";
import { echo, through } from "./calls.mjs";
import { moreWith } from "./more.mjs";

/** Returns a fetch that knows the origin of the page. */
const fetchOn = (origin) => async (input, init) => fetch(new Request(typeof input === "string" ? new URL(input, origin) : input, init));

const send = fetchOn("http://127.0.0.1/");

/** Calls with relative URLs: at once, from the queue, and with options that need more than a URL. */
async function relative(_, server) {
  const client = new Client({ maxActive: 1, fetch: fetchOn(server.url) });
  const calls = [
    () => client.fetch("/words"),
    () => client.fetch("words?text=a"),
    () => client.fetch("/words", { method: "POST", body: "text" }),
    () => client.fetch("/words", { waterspout: { timeout: 15_000, retry: 2 } }),
    () => client.get("/words", { searchParams: { text: "a" } }),
  ];
  for (const call of calls) await echo(server, call);
  const waiting = Promise.all(calls.map((call) => call()));
  for (const index of calls.keys()) {
    const exchange = await beforeEnd(server.exchange(calls.length + index), waiting);
    exchange.answer({ body: exchange.body });
  }
  await waiting;
  const urls = ["/words", "/words?text=a", "/words", "/words", "/words?text=a"];
  assert.deepEqual(server.exchanges.map(({ url }) => url), [...urls, ...urls]);
}

export const kit = through("a fetch as in SvelteKit", send, { ...moreWith(send), "relative URLs reach the function": relative });
