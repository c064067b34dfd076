/** Which fetch sends a request, and how it is called. */
import { Client } from "waterspout";
import { events } from "waterspout/events";
import { assert, counts, equal, NOWHERE, rejection, rejectsWith, sleep, transport, turns, withGlobalFetch } from "./support.mjs";

const FREE = { active: 0, queued: 0 };

/** Settings that need no, some and all of the package's work around a request. */
const SETTINGS = [{}, { timeout: 60_000 }, { retry: 2 }, { throwHttpErrors: true }, { maxActivePerOrigin: 1 }, { slot: "body" }, { priority: 1 }, { onDownloadProgress: () => undefined }];

/** Returns a function for the option `fetch` that answers, and keeps its arguments in `calls`. */
function recording(answer = () => new Response("hello")) {
  const calls = [];
  return Object.assign(async (...call) => (calls.push(call), answer(...call)), { calls });
}

/** Returns the text of a body as the platform reads it. */
const textOf = (body) => new Response(body).text();

export const fetches = {
  async the_platforms_fetch_is_looked_up_at_each_call() {
    const clients = [new Client(), new Client({ timeout: 60_000, retry: 2 }), new Client().extend({ priority: 1 })];
    for (const client of clients) {
      for (const call of [() => client.get(NOWHERE).text(), async () => (await client.fetch(NOWHERE)).text(), async () => (await client.fetch(new Request(NOWHERE))).text()]) {
        for (const answer of ["first", "second"]) await withGlobalFetch(transport(() => new Response(answer)), async () => equal(await call(), answer));
      }
      const type = { headers: { "content-type": "text/event-stream" } };
      await withGlobalFetch(transport(() => new Response("data: late\n\n", type)), async () => equal((await client.events(NOWHERE).next()).value?.data, "late"));
    }
  },
  async a_retry_and_a_waiting_request_meet_a_fetch_that_came_later() {
    let second;
    const client = new Client({ maxActive: 1, retry: { attempts: 2, baseDelay: 0 } });
    const late = transport((_, count) => new Response(`late ${count}`));
    const early = transport(async () => {
      second ??= client.get(NOWHERE).text();
      globalThis.fetch = late;
      return new Response(null, { status: 503 });
    });
    await withGlobalFetch(early, async () => {
      const first = await client.get(NOWHERE).text();
      equal([[first, await second].sort(), early.sent.length], [["late 1", "late 2"], 1]);
    });
  },
  async a_client_can_be_made_before_there_is_a_fetch() {
    let client;
    await withGlobalFetch(undefined, async () => {
      client = new Client();
      const error = await rejection(client.fetch(NOWHERE));
      assert(error instanceof TypeError && error.message.includes("fetch"), String(error));
      equal(counts(client), FREE);
    });
    await withGlobalFetch(transport(), async () => equal(await client.get(NOWHERE).text(), "hello"));
  },
  async a_client_whose_fetch_is_global_calls_the_fetch_before() {
    for (const settings of SETTINGS) {
      const base = transport();
      await withGlobalFetch(base, async () => {
        const client = new Client({ maxActive: 1, ...settings });
        globalThis.fetch = client.fetch;
        equal(await (await fetch(NOWHERE)).text(), "hello");
        equal(await client.get(NOWHERE).text(), "hello");
        equal(await (await client.extend({ headers: { a: "1" } }).fetch(NOWHERE)).text(), "hello");
        equal([base.sent.length, counts(client)], [3, FREE], JSON.stringify(settings));
      });
    }
  },
  async clients_whose_fetches_are_global_call_each_other_once() {
    const base = transport();
    await withGlobalFetch(base, async () => {
      const first = new Client({ maxActive: 1 });
      globalThis.fetch = first.fetch;
      const second = new Client({ maxActive: 1, timeout: 60_000 });
      globalThis.fetch = second.fetch;
      const steps = [];
      for (const [name, client] of Object.entries({ first, second })) client.observe(({ stage }) => stage === "started" && steps.push(name));
      equal(await (await fetch(NOWHERE)).text(), "hello");
      equal([base.sent.length, steps], [1, ["second", "first"]]);
    });
  },
  async a_wrapper_around_the_clients_fetch_does_not_recurse() {
    const wrappers = {
      plain: (inner) => (...call) => inner(...call),
      of_two_arguments: (inner) => (input, init) => inner(input, init),
      awaiting: (inner) => async (...call) => (await turns(), await inner(...call)),
      with_a_header: (inner) => (input, init) => inner(input, { ...init, headers: { ...Object.fromEntries(new Headers(init?.headers)), "x-trace": "1" } }),
      applied: (inner) => function (...call) { return inner.apply(globalThis, call); },
    };
    for (const [name, wrap] of Object.entries(wrappers)) {
      for (const settings of [{}, { timeout: 60_000, retry: 2 }]) {
        const base = transport();
        await withGlobalFetch(base, async () => {
          const client = new Client({ maxActive: 1, ...settings });
          globalThis.fetch = wrap(client.fetch);
          const controller = new AbortController();
          for (const call of [() => fetch(NOWHERE), () => fetch(NOWHERE, { signal: controller.signal }), () => client.fetch(NOWHERE), () => client.fetch(NOWHERE, { method: "POST", body: "x" }), () => client.get(NOWHERE)]) {
            equal(await (await call()).text(), "hello", name);
          }
          equal([base.sent.length, counts(client)], [5, FREE], name);
          equal(await base.sent[3].text(), "x", name);
          // A test's stub takes the place of the wrapper.
          globalThis.fetch = transport(() => new Response("stub"));
          equal(await client.get(NOWHERE).text(), "stub", name);
        });
      }
    }
  },

  async an_own_fetch_gets_the_url_and_an_init() {
    for (const settings of SETTINGS) {
      for (const url of ["/relative?a=1#b", "relative", "http://a.test/x", "?a=1"]) {
        const fetch = recording();
        const client = new Client({ maxActive: 1, fetch, ...settings });
        equal(await (await client.fetch(url)).text(), "hello");
        equal(await client.get(url).text(), "hello");
        const { signal } = new AbortController();
        await (await client.fetch(url, { method: "PUT", headers: { "x-a": "1" }, body: "body", signal, next: { tags: ["a"] }, cf: 1, waterspout: { priority: 1 } })).text();
        for (const call of fetch.calls) {
          const [input, init = {}] = call;
          assert(typeof input === "string" && call.length <= 2, `the URL is ${input}`);
          equal([input, Object.getPrototypeOf(init) === Object.prototype, "waterspout" in init], [url, true, false], JSON.stringify(settings));
        }
        const [[, bare], [, get], [, init]] = fetch.calls;
        equal([bare?.method ?? "GET", get.method], ["GET", "GET"]);
        equal([init.method, new Headers(init.headers).get("x-a"), init.body, init.next, init.cf], ["PUT", "1", "body", { tags: ["a"] }, 1]);
        assert(init.signal instanceof AbortSignal && init.next !== undefined, "the signal");
      }
    }
  },
  async failures_with_a_relative_url_are_told_as_they_are() {
    const answers = [[{ throwHttpErrors: true }, () => new Response("no", { status: 404 }), "STATUS"], [{}, () => Promise.reject(new TypeError("cut")), "cut"], [{ timeout: 30 }, () => new Promise(() => {}), "limit `request`: 30 ms"]];
    for (const [settings, answer, expected] of answers) {
      const client = new Client({ maxActive: 1, fetch: recording(answer), ...settings });
      const seen = [];
      client.observe(({ stage, url }) => seen.push([stage, url.endsWith("/relative")]));
      const error = await rejection(client.fetch("/relative"));
      assert(error.code === expected || error.message.includes(expected), String(error));
      equal([seen, counts(client)], [[["started", true], ["failed", true]], FREE]);
    }
    const closed = new Client({ fetch: recording() });
    closed.close();
    await rejectsWith(closed.fetch("/relative"), "CLOSED");
  },
  async an_own_fetch_gets_relative_urls_with_queries_and_base_urls() {
    const fetch = recording();
    await new Client({ fetch }).get("/path?b", { searchParams: { a: 1 } });
    // A page may resolve the URL.
    assert(fetch.calls[0][0].endsWith("/path?b&a=1"), fetch.calls[0][0]);
    await new Client({ fetch, baseUrl: "http://a.test/api/" }).get("path", { searchParams: { a: 1 } });
    equal(fetch.calls[1][0], "http://a.test/api/path?a=1");
    await new Client({ fetch }).fetch(new URL("http://a.test/x"));
    equal(String(fetch.calls[2][0]), "http://a.test/x");
  },
  async an_own_fetch_gets_a_request_taken_apart() {
    for (const settings of SETTINGS) {
      const texts = [];
      const fetch = recording(async (_, { body }) => (texts.push(await textOf(body)), new Response("hello")));
      const client = new Client({ fetch, ...settings });
      const controller = new AbortController();
      const request = new Request("http://a.test/x", { method: "POST", headers: { "x-a": "1" }, body: "body", signal: controller.signal, redirect: "manual" });
      await (await client.fetch(request)).text();
      const [[url, init]] = fetch.calls;
      equal([url, init.method, new Headers(init.headers).get("x-a"), texts[0], init.redirect], ["http://a.test/x", "POST", "1", "body", "manual"], JSON.stringify(settings));
      if (init.body instanceof ReadableStream) equal(init.duplex, "half", "a stream needs it");
      assert(Object.getPrototypeOf(init) === Object.prototype && request.bodyUsed, "the body is taken, as by the platform");
      await (await client.fetch(new Request("http://a.test/y", { method: "POST", headers: { "x-a": "1" }, body: "body" }), { method: "PUT", headers: { "x-b": "2" }, body: "other" })).text();
      const [, [, over]] = fetch.calls;
      equal([over.method, new Headers(over.headers).get("x-a"), new Headers(over.headers).get("x-b"), texts[1]], ["PUT", null, "2", "other"]);
    }
  },
  async the_signal_of_an_own_fetch_follows_the_callers() {
    for (const settings of SETTINGS) {
      for (const make of [(signal) => [NOWHERE, { signal }], (signal) => [new Request(NOWHERE, { signal })], (signal) => ["/relative", { signal }]]) {
        const fetch = recording((_, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))));
        const client = new Client({ fetch, ...settings });
        const controller = new AbortController();
        const request = rejection(client.fetch(...make(controller.signal)));
        await turns();
        controller.abort("enough");
        equal([await request, fetch.calls[0][1].signal.aborted, counts(client)], ["enough", true, FREE], JSON.stringify(settings));
      }
    }
  },
  async an_own_fetch_gets_bodies_as_they_were_given() {
    const form = new FormData();
    form.append("a", "1");
    for (const body of ["text", new Uint8Array([1, 2]), new Blob(["x"]), new URLSearchParams("a=1"), form]) {
      for (const settings of [{}, { timeout: 60_000 }, { retry: 2 }]) {
        const fetch = recording();
        await new Client({ fetch, ...settings }).fetch("/relative", { method: "PUT", body });
        assert(fetch.calls[0][1].body === body, `${body} with ${JSON.stringify(settings)}`);
      }
    }
  },
  async an_own_fetch_gets_what_hooks_changed() {
    const fetch = recording(async (_, { body }) => new Response(await textOf(body)));
    // Firefox does not take the body of a Request that stands in place of an init.
    const elsewhere = async ({ request }) => new Request("http://b.test/", { method: request.method, headers: request.headers, body: await request.blob() });
    const beforeRequest = [({ request }) => void request.headers.set("x-a", "1"), elsewhere];
    const client = new Client({ fetch, hooks: { beforeRequest } });
    equal(await client.post(NOWHERE, { body: "kept", next: 1 }).text(), "kept");
    const [[url, init]] = fetch.calls;
    equal([url, init.method, new Headers(init.headers).get("x-a"), init.next], ["http://b.test/", "POST", "1", 1]);
  },
  async clients_can_be_stacked_and_read_events() {
    const inner = new Client({ maxActive: 1, fetch: recording((_, { signal }) => (assert(signal, "a signal"), sleep(1).then(() => new Response("data: x\n\n", { headers: { "content-type": "text/event-stream" } })))) });
    const outer = new Client({ maxActive: 2, fetch: inner.fetch, timeout: 60_000 });
    const texts = await Promise.all(Array.from({ length: 5 }, () => outer.get("/relative").text()));
    equal([new Set(texts).size, counts(inner), counts(outer)], [1, FREE, FREE]);
    equal((await events(outer, "/relative").next()).value?.data, "x");
  },
};
