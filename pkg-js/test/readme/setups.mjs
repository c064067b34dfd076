/**
 * What surrounds each program of the README, by its name: the heading above it, or the name in the comment before it.
 *
 * - `types`: declarations of the names that the program uses.
 * - `given()`: these names, as members of the global object.
 * - `answer(record, count)`: the response to a request; see `newNetwork`.
 * - `check({ values, printed, given, sent, network })`: checks the outcome. `values` has what the program declares at its top level.
 * - `isAlone`: whether the program gets a copy of the package of its own.
 * - `files`: the texts of files beside the page.
 * - `visit(html, open)`: the check of a page; `open(head, program)` returns what `run` of the program returns.
 */
import assert from "node:assert/strict";
import { eventSetups } from "./events.mjs";
import { requestSetups } from "./requests.mjs";

const { equal, deepEqual } = assert;

/** A program for a page that sends a request and returns its text, or the code of its error. */
const SEND = `import { Client } from "./node_modules/waterspout/dist/index.js";
export const run = () => new Client({ fetch: async () => new Response("hello") }).get("http://a/").text().catch(({ code }) => code);`;

/** A program for a page that returns the page's text once the page has a text. */
const READ = `export async function run() {
  for (let round = 0; round < 250 && !document.body?.textContent; round++) await new Promise((resolve) => setTimeout(resolve, 20));
  return document.body.textContent;
}`;

export const setups = {
  ...requestSetups,
  ...eventSetups,
  Next: {
    types: "declare global { interface RequestInit { next?: { revalidate?: number } } }",
    answer: () => Response.json(["Ada"]),
    async check({ values, sent }) {
      deepEqual(await (await values.GET()).json(), ["Ada"]);
      deepEqual([sent[0].url, sent[0].init.next], ["https://api.example.com/users", { revalidate: 60 }]);
    },
  },
  "Cloudflare Workers": {
    answer: ({ path }) => Response.json(path),
    async check({ values, sent }) {
      const response = await values.default.fetch(new Request("http://worker/"), { API_URL: "https://api.example.com/" });
      deepEqual([await response.json(), sent.length], [{ user: "/user", posts: "/posts" }, 2]);
    },
  },
  "Content-Security-Policy": {
    async visit(html, open) {
      const directive = " 'wasm-unsafe-eval'";
      assert(html.includes(directive));
      deepEqual([await open(html, SEND), await open(html.replace(directive, ""), SEND)], ["hello", "UNSUPPORTED"]);
    },
  },
  fallback: {
    isAlone: true,
    given: () => ({ WebAssembly: undefined }),
    answer: () => new Response("hello"),
    async check({ values, printed, sent }) {
      deepEqual([printed, sent[0].url], [["hello"], "https://api.example.com/me"]);
      equal(values.client.stats().active, 0);
    },
  },
  "In place of the global fetch": {
    answer: () => new Response("hello"),
    async check({ values, network }) {
      equal(globalThis.fetch, values.fetch);
      const texts = await Promise.all(Array.from({ length: 12 }, async () => (await globalThis.fetch("https://a.example/")).text()));
      deepEqual([texts.length, network.peak], [12, 6]);
    },
  },
  "Where it runs": {
    files: { "greeting.txt": "hello from the server" },
    visit: async (html, open) => equal(await open(html, READ), "hello from the server"),
  },
  "The slim entry": {
    answer: () => new Response("hello"),
    check: ({ values }) => equal(values.text, "hello"),
  },
};
