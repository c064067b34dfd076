/** A configured client, clients that are derived from it, and what the fallback keeps of the configuration. */
import { attemptsOf, Client, isWaterspoutError } from "waterspout";
import { Client as SlimClient } from "waterspout/slim";
import { assert, counts, deferred, equal, failure, isPending, NOWHERE, rejection, rejectsWith, timesOut, transport, turns } from "./support.mjs";

/**
 * Checks that the slim entry has no module yet: only then, requests go to the fallback. The entry has an error class of its own in a
 * page without a bundler.
 */
async function withoutModule() {
  const error = await rejection(new SlimClient().fetch(NOWHERE));
  assert(isWaterspoutError(error, "UNSUPPORTED"), String(error));
}

const SHORTCUTS = ["get", "head", "post", "put", "patch", "delete"];

/** The forms in which headers and pairs can be given. */
const headerForms = (pairs) => [Object.fromEntries(pairs), new Headers(pairs), pairs];
const pairForms = (pairs) => [Object.fromEntries(pairs), pairs, new URLSearchParams(pairs), String(new URLSearchParams(pairs))];

export const configured = {
  async base_url_resolves_relative_urls() {
    const rows = [
      ["http://a.test/api/", "users", "http://a.test/api/users"],
      ["http://a.test/api", "users", "http://a.test/users"],
      ["http://a.test/api/", "/users", "http://a.test/users"],
      ["http://a.test/api/", "./users/?a=1", "http://a.test/api/users/?a=1"],
      ["http://a.test/api/", "../users", "http://a.test/users"],
      ["http://a.test/api/", "?a=1", "http://a.test/api/?a=1"],
      ["http://a.test/api/", "", "http://a.test/api/"],
      ["https://a.test/api/", "//b.test/x", "https://b.test/x"],
      ["http://a.test/api/", "http://b.test/x", "http://b.test/x"],
      [new URL("http://a.test/api/"), "users", "http://a.test/api/users"],
      ["http://a.test/api/", new URL("http://b.test/x"), "http://b.test/x"],
      ["http://a.test/api/", new Request("http://b.test/x"), "http://b.test/x"],
    ];
    for (const [baseUrl, input, expected] of rows) {
      const fetch = transport();
      const client = new Client({ baseUrl, fetch });
      await client.fetch(input);
      if (!(input instanceof Request)) for (const name of SHORTCUTS) await client[name](input);
      for (const { url } of fetch.sent) equal(url, expected, `${input} at ${baseUrl}`);
    }
  },
  async base_url_reaches_the_server_and_the_events(lab) {
    const client = new Client({ baseUrl: lab.url("") });
    equal(await client.get("hello").text(), "hello");
    equal(await (await client.fetch("status/404")).text(), "status 404");
    const { value } = await client.events("events?total=1&stay=1").next();
    equal(value?.id, "1");
    client.close({ now: true });
  },
  async default_headers_yield_to_headers_of_the_request() {
    const defaults = [["x-a", "client"], ["x-b", "client"]];
    for (const headers of headerForms(defaults)) {
      for (const own of headerForms([["X-B", "request"], ["x-c", "request"]])) {
        const fetch = transport();
        const client = new Client({ headers, fetch });
        await client.fetch(NOWHERE, { headers: own });
        await client.fetch(new Request(NOWHERE, { headers: own }));
        await client.post(NOWHERE, { headers: own, body: "x" });
        await client.get(NOWHERE, { headers: own, retry: 2, timeout: 5_000 });
        for (const { headers: found } of fetch.sent) equal(["x-a", "x-b", "x-c"].map((name) => found.get(name)), ["client", "request", "request"]);
        equal(fetch.sent.length, 4);
      }
    }
  },
  async default_headers_reach_the_server(lab) {
    const client = new Client({ headers: { "x-a": "client", accept: "x/y" } });
    for (const text of [await client.get(lab.url("head")).text(), await (await client.fetch(lab.url("head"))).text()]) {
      assert(text.includes("\nx-a: client\n") && text.includes("\naccept: x/y\n"), text);
    }
  },
  async undefined_removes_a_default_header() {
    const fetch = transport();
    const client = new Client({ headers: { "x-a": "client", "x-b": "client" }, fetch });
    await client.get(NOWHERE, { headers: { "X-A": undefined } });
    await client.fetch(NOWHERE, { headers: { "x-a": undefined } });
    await client.extend({ headers: { "x-a": undefined } }).get(NOWHERE);
    for (const { headers } of fetch.sent) equal([headers.has("x-a"), headers.get("x-b")], [false, "client"]);
  },
  async default_search_params_yield_to_the_url_and_the_request() {
    for (const searchParams of pairForms([["key", "client"], ["lang", "client"]])) {
      const fetch = transport();
      const client = new Client({ searchParams, fetch });
      await client.fetch(`${NOWHERE}?lang=url&a&b=%20`);
      await client.fetch(new URL(`${NOWHERE}?lang=url`));
      await client.fetch(new Request(`${NOWHERE}?lang=url`));
      await client.get(NOWHERE, { searchParams: { lang: "request" } });
      await client.get(`${NOWHERE}?lang=url`, { searchParams: { a: 1 } });
      const found = fetch.sent.map(({ url }) => url.slice(NOWHERE.length));
      assert(found[0].startsWith("?lang=url&a&b=%20&"), `the query stays as it is written: ${found[0]}`);
      for (const query of found) equal([new URLSearchParams(query).get("key"), new URLSearchParams(query).getAll("lang").length], ["client", 1], query);
      equal(new URLSearchParams(found[3]).get("lang"), "request");
      equal([new URLSearchParams(found[4]).get("lang"), new URLSearchParams(found[4]).get("a")], ["url", "1"]);
    }
  },

  async an_extended_client_shares_the_queue() {
    const started = [];
    const fetch = transport(({ url }) => {
      const { promise, resolve } = deferred();
      started.push([url.at(-1), () => resolve(new Response(null))]);
      return promise;
    });
    const parent = new Client({ maxActive: 1, fetch });
    const child = parent.extend({ headers: { "x-a": "1" } });
    const grandchild = child.extend({});
    const seen = [];
    parent.observe(({ id, stage }) => stage === "started" && seen.push(id));
    const requests = [parent.fetch(`${NOWHERE}1`), child.fetch(`${NOWHERE}2`), grandchild.fetch(`${NOWHERE}3`)];
    for (const client of [parent, child, grandchild]) equal(counts(client), { active: 1, queued: 2 });
    equal(child.stats().origins, parent.stats().origins);
    const idle = [parent.idle(), child.idle()];
    for (const number of ["1", "2", "3"]) {
      await turns();
      for (const wait of idle) assert(await isPending(wait), "idle while requests run");
      equal(started.map(([name]) => name).at(-1), number);
      started.at(-1)[1]();
    }
    await Promise.all([...requests, ...idle]);
    equal(seen, [1, 2, 3], "what an observer of the first client sees");
  },
  async an_extended_client_shares_rates_pause_clear_and_close() {
    const fetch = transport();
    const parent = new Client({ rateLimit: { requests: 1, per: 600_000 }, fetch });
    const child = parent.extend({ priority: 1 });
    await parent.fetch(NOWHERE);
    await timesOut(child.fetch(NOWHERE, { waterspout: { timeout: { queue: 20 } } }), "limit `queue`");
    const waiting = rejectsWith(child.fetch(NOWHERE), "CLEARED");
    equal(parent.clear(), 1);
    await waiting;
    const paused = new Client({ fetch });
    const other = paused.extend({});
    other.pause();
    const held = paused.get(NOWHERE).text();
    equal(counts(other), { active: 0, queued: 1 });
    paused.resume();
    equal(await held, "hello");
    await other.close();
    for (const client of [paused, other, paused.extend({})]) await rejectsWith(client.fetch(NOWHERE), "CLOSED");
  },
  async an_extended_client_merges_headers_and_search_params() {
    for (const headers of headerForms([["X-B", "child"], ["x-c", "child"]])) {
      for (const searchParams of pairForms([["b", "child"], ["c", "child"]])) {
        const fetch = transport();
        const parent = new Client({ headers: { "x-a": "parent", "x-b": "parent" }, searchParams: { a: "parent", b: "parent" }, fetch });
        await parent.extend({ headers, searchParams }).fetch(NOWHERE);
        await parent.fetch(NOWHERE);
        const [child, own] = fetch.sent.map(({ url, headers }) => [
          ...["x-a", "x-b", "x-c"].map((name) => headers.get(name)),
          ...["a", "b", "c"].map((name) => new URL(url).searchParams.getAll(name).join()),
        ]);
        equal(child, ["parent", "child", "child", "parent", "child", "child"]);
        equal(own, ["parent", "parent", null, "parent", "parent", ""], "the parent stays as it is");
      }
    }
  },
  async an_extended_client_merges_timeouts_and_retries() {
    const silent = ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const slow = new Client({ timeout: { head: 30, total: 60_000 }, fetch: transport(silent) });
    await timesOut(slow.extend({ timeout: { request: 60_000 } }).fetch(NOWHERE), "limit `head`: 30 ms");
    await timesOut(slow.extend({ timeout: { head: 40 } }).fetch(NOWHERE), "limit `head`: 40 ms");
    const unlimited = slow.extend({ timeout: false }).fetch(NOWHERE, { signal: AbortSignal.timeout(80) });
    assert(!String(await rejection(unlimited)).includes("limit `"), "false removes the limits");
    const busy = (statusCode) => transport(() => new Response(null, { status: statusCode }));
    const tries = async (client) => attemptsOf(await client.fetch(NOWHERE));
    const parent = new Client({ retry: { attempts: 4, baseDelay: 0, statusCodes: [418] }, fetch: busy(418) });
    const rows = [[{}, 4], [{ retry: { attempts: 2 } }, 2], [{ retry: 3 }, 3], [{ retry: { statusCodes: [500] } }, 1], [{ retry: false }, 1], [{ retry: 0 }, 1], [{ retry: undefined }, 4]];
    for (const [options, expected] of rows) equal(await tries(parent.extend(options)), expected, JSON.stringify(options));
    equal(await tries(parent), 4);
  },
  async an_extended_client_replaces_other_options() {
    const first = transport(() => new Response(null, { status: 404 }));
    const second = transport(() => new Response(null, { status: 404 }));
    const parent = new Client({ baseUrl: "http://a.test/api/", fetch: first, throwHttpErrors: true, priority: 1 });
    const child = parent.extend({ baseUrl: "http://b.test/", fetch: second, throwHttpErrors: false, priority: 2 });
    const priorities = [];
    parent.observe(({ stage, priority }) => stage === "started" && priorities.push(priority));
    equal((await child.get("x")).status, 404);
    await rejectsWith(parent.get("x"), "STATUS");
    equal([second.sent[0].url, first.sent[0].url, priorities], ["http://b.test/x", "http://a.test/api/x", [2, 1]]);
    equal((await child.extend({ headers: { a: "1" } }).get("y")).status, 404);
    equal(second.sent[1].url, "http://b.test/y", "what is not given stays");
  },
  async extend_refuses_options_of_the_queue() {
    const client = new Client();
    const options = { maxActive: 2, maxActivePerOrigin: 2, maxQueued: 2, rateLimit: { requests: 1, per: 1 }, rateLimitPerOrigin: { requests: 1, per: 1 } };
    for (const [name, value] of Object.entries(options)) {
      const error = await failure(() => client.extend({ [name]: value }));
      assert(error instanceof TypeError && error.message.includes(name) && error.message.includes("new Client"), String(error));
    }
    client.extend(Object.fromEntries(Object.keys(options).map((name) => [name, undefined])));
    const unknown = await failure(() => client.extend({ timeOut: 5 }));
    assert(unknown instanceof TypeError && unknown.message.includes("timeOut"), String(unknown));
  },

  async the_fallback_keeps_status_errors_hooks_and_defaults() {
    await withoutModule();
    const fallback = transport(({ url }) => (url.includes("missing") ? Response.json({ code: 7 }, { status: 404 }) : new Response("hello")));
    const notes = [];
    const hooks = {
      beforeRequest: [({ request }) => void request.headers.set("x-hook", "1"), () => void notes.push("before")],
      afterResponse: ({ response }) => (notes.push("after"), response.ok ? new Response(`${response.status} changed`) : undefined),
      onError: ({ error }) => void notes.push(error.code),
    };
    const client = new SlimClient({ baseUrl: "http://a.test/api/", headers: { "x-a": "1" }, searchParams: { key: "k" }, throwHttpErrors: true, hooks, fallback });
    equal([await client.get("x").text(), await (await client.fetch("y")).text()], ["200 changed", "200 changed"]);
    equal(await client.extend({ headers: { "x-b": "2" } }).post("z", { json: [1] }).text(), "200 changed");
    const found = fallback.sent.map(({ method, url, headers }) => [method, url, headers.get("x-a"), headers.get("x-hook"), headers.get("x-b")]);
    const expected = [["GET", "x", null], ["GET", "y", null], ["POST", "z", "2"]].map(([method, path, b]) => [method, `http://a.test/api/${path}?key=k`, "1", "1", b]);
    equal(found, expected);
    equal(await fallback.sent[2].text(), "[1]");
    equal(notes, ["before", "after", "before", "after", "before", "after"]);
    const error = await rejection(client.get("missing").json());
    equal([isWaterspoutError(error, "STATUS"), error.response?.status, error.data, error.request?.url], [true, 404, { code: 7 }, "http://a.test/api/missing?key=k"]);
    equal(notes.slice(6), ["before", "after", "STATUS"]);
    equal((await client.get("missing", { throwHttpErrors: false })).status, 404);
  },
  async the_fallback_gets_all_kinds_of_bodies() {
    await withoutModule();
    const client = new SlimClient({ fallback: transport(async (request) => new Response(await request.text())) });
    const make = { body: () => "made" };
    const later = { body: async () => "later" };
    for (const [init, expected] of [[make, "made"], [later, "later"], [{ json: { a: 1 } }, '{"a":1}'], [{ form: { a: "1" } }, "a=1"], [{ body: "text" }, "text"]]) {
      equal(await client.post(NOWHERE, init).text(), expected);
    }
    equal(await (await client.fetch(NOWHERE, { method: "PUT", ...later })).text(), "later");
    equal(await (await client.fetch(new Request(NOWHERE, { method: "PUT", body: "kept" }))).text(), "kept");
  },
};
