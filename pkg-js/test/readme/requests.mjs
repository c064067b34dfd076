/** The programs of the README that send requests: clients, limits, tokens, retries and errors. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

const { deepEqual, equal } = assert;
const numbers = (count) => Array.from({ length: count }, (_, index) => index + 1);
const API = "https://api.example.com";

/** The time in milliseconds that a new token takes. */
const TOKEN_DELAY = 20;

export const requestSetups = {
  "First example": {
    types: "declare const ids: number[];",
    given: () => ({ ids: numbers(20) }),
    answer: ({ path }) => Response.json(path),
    check({ values, sent, network }) {
      deepEqual(values.users, numbers(20).map((id) => `/users/${id}`));
      deepEqual([sent.length, network.peak], [20, 6]);
    },
  },
  "A configured client": {
    answer: () => Response.json([]),
    check({ sent, values }) {
      deepEqual(sent.map(({ method, path }) => `${method} ${path}`), ["GET /v1/items?page=2&locale=en", "DELETE /v1/items/7?locale=en"]);
      deepEqual(sent.map(({ headers }) => [headers["x-app"], headers["x-role"]]), [["shop", undefined], [undefined, "admin"]]);
      equal(values.api.stats().waits.count, 2);
    },
  },
  "Limits by origin, rates and priorities": {
    types: "declare const urls: string[];",
    given: () => ({ urls: ["a", "b"].flatMap((host) => numbers(4).map((page) => `https://${host}.example/${page}`)) }),
    answer: ({ url }) => new Response(url),
    async check({ values, given, sent, network }) {
      deepEqual(await Promise.all(values.pages), given.urls);
      const ofB = sent.filter(({ url }) => url.startsWith("https://b")).map(({ path }) => path);
      // Two pages had the slots of the origin already.
      deepEqual([ofB.indexOf("/robots.txt"), network.peak], [2, 4]);
    },
  },
  "An authorization header": {
    types: "declare const session: { token: string };",
    given: () => ({ session: { token: "first" } }),
    answer: () => Response.json({}),
    check: ({ sent }) => deepEqual(sent.map(({ headers }) => headers.authorization), ["Bearer first", "Bearer next"]),
  },
  "Refresh a token once for many requests": {
    types: "declare const ids: number[];",
    given: () => ({ ids: numbers(20) }),
    async answer({ url, path, headers }, count) {
      if (url === "https://auth.example.com/token") return (await delay(TOKEN_DELAY), new Response("fresh"));
      // The second request learns that its token has expired after the first request has refreshed it.
      if (count === 2) await delay(3 * TOKEN_DELAY);
      return headers.authorization === "Bearer fresh" ? new Response(path) : new Response("expired", { status: 401 });
    },
    check({ values, sent }) {
      deepEqual(values.items, numbers(20).map((id) => `/items/${id}`));
      equal(sent.filter(({ path }) => path === "/token").length, 1, "a single request for a token");
      equal(sent.filter(({ headers }) => headers.authorization === "Bearer expired").length, 2, "only the requests with the slots met the expired token");
    },
  },
  Cancel: {
    answer: () => new Promise(() => undefined),
    check({ printed, sent, values }) {
      deepEqual(printed, ["AbortError", "AbortError"]);
      deepEqual([sent.map(({ path }) => path), values.client.stats().active], [["/slow"], 0]);
    },
  },
  "Time limits": {
    answer: ({ path }) => (path === "/report" ? new Promise(() => undefined) : new Response("all")),
    async check({ printed, values }) {
      deepEqual(printed, ["timed out while waiting for the response's head (limit `head`: 50 ms)"]);
      equal(await values.archive, "all");
    },
  },
  Retries: {
    types: "declare const millisecondsUntilUnlocked: () => Promise<number>; declare const file: Blob;",
    given: () => ({ millisecondsUntilUnlocked: async () => 5, file: new Blob(["content"]) }),
    answer({ path }, count) {
      if (path === "/busy") return new Response("", { status: count < 3 ? 503 : 200 });
      return new Response("", { status: { 4: 423, 6: 502 }[count] ?? 200 });
    },
    check({ printed, sent }) {
      deepEqual(printed, ["200 3"]);
      const posted = ["POST", "/orders", '{"item":7}'];
      const stored = ["PUT", "/backup", "content"];
      deepEqual(sent.slice(3).map(({ method, path, text }) => [method, path, text]), [posted, posted, stored, stored]);
    },
  },
  "Wait for the end": {
    answer: () => new Response("body"),
    async check({ printed, values }) {
      const steps = [`started ${API}/a`, `started ${API}/b`, `queued ${API}/c`, "2 1"];
      deepEqual(printed.slice(0, 4), steps);
      const ends = ["a", "b", "c"].flatMap((path) => [`done ${API}/${path}`, `head ${API}/${path}`]);
      deepEqual(printed.slice(4).sort(), [...ends, `started ${API}/c`].sort());
      await assert.rejects(values.client.get("d"), { code: "CLOSED" });
    },
  },
  "Measure each request": {
    answer: ({ path }) => (path === "/me" ? new Response("Ada") : new Response("none", { status: 404 })),
    check({ printed }) {
      const origin = "https://api.example.com";
      deepEqual(printed, [
        `http.client.request.duration GET ${origin} 200 undefined true 0`,
        "http.client.active_requests 0 waiting 0",
        `http.client.request.duration GET ${origin} 404 404 true 0`,
        "http.client.active_requests 0 waiting 0",
      ]);
    },
  },
  "Test without a library": {
    check({ printed, sent }) {
      deepEqual([printed, sent], [[`{ url: '${API}/me' }`], []]);
    },
  },
  Errors: {
    answer: ({ path }) => (path === "/users/1" ? Response.json({ name: "Ada" }) : Response.json({ reason: "gone" }, { status: 404 })),
    async check({ printed, values }) {
      deepEqual(printed, ["the server answered with status 404 { reason: 'gone' }", "Ada undefined"]);
      const { stack } = await values.client.get("users/2").catch((error) => error);
      assert.match(stack, /requests\.mjs/, "the stack names the file of the call");
    },
  },
  "Coming from": {
    types: "declare const user: { name: string }; declare const signal: AbortSignal;",
    given: () => ({ user: { name: "Ada" }, signal: new AbortController().signal }),
    answer: ({ path }, count) => (count === 5 ? new Response("none", { status: 404 }) : Response.json(path)),
    async check({ values, sent, network }) {
      const body = '{"name":"Ada"}';
      deepEqual(sent.map(({ method, path, text }) => [method, path, text]), [
        ["GET", "/users", ""],
        ["POST", "/users", body],
        ["GET", "/users", ""],
        ["GET", "/users?page=2", ""],
        ["GET", "/users?page=2", ""],
        ["PUT", "/users?id=7", body],
      ]);
      network.answer = () => new Response("busy", { status: 400 });
      equal((await values.fetch("users")).status, 400);
      await assert.rejects(values.client.fetch("users"), { code: "STATUS", data: "busy" });
    },
  },
};
