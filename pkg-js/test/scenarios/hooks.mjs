/** Hooks: what they get, what they may return, and what they may send. */
import { attemptsOf, Client } from "waterspout";
import { assert, counts, deferred, equal, NOWHERE, rejection, rejectsWith, sleep, timesOut, transport, turns } from "./support.mjs";

const FREE = { active: 0, queued: 0 };
const TOKEN = "http://a.test/token";
const NAMES = ["beforeRequest", "afterResponse", "beforeRetry", "onError"];

/** Answers 503 so many times, then 200. */
const flaky = (failures) => transport((_, count) => new Response(`answer ${count}`, { status: count > failures ? 200 : 503 }));

/** Returns hooks that send the token, and ask for a token once when the server refuses the last. */
function refreshing() {
  let [token, request] = ["old", undefined];
  const withToken = (request) => new Request(request, { headers: { ...Object.fromEntries(request.headers), authorization: `Bearer ${token}` } });
  return {
    beforeRequest: ({ request }) => withToken(request),
    afterResponse: async ({ response, fetch, retry }) => {
      if (response.status !== 401) return;
      request ??= fetch(TOKEN, { method: "POST" }).then((answer) => answer.text());
      token = await request;
      return retry();
    },
  };
}

/** Returns a `fetch` option that accepts the new token alone. It counts the tokens, and the requests at once. */
function guarded() {
  const seen = { tokens: 0, active: 0, most: 0 };
  seen.fetch = transport(async ({ url, headers }) => {
    if (url === TOKEN) return seen.tokens++, await sleep(1), new Response("new");
    seen.most = Math.max(seen.most, ++seen.active);
    await sleep(1);
    seen.active--;
    return headers.get("authorization") === "Bearer new" ? new Response("welcome") : new Response("refused", { status: 401 });
  });
  return seen;
}

export const hooks = {
  async a_token_is_refreshed_once_for_many_requests() {
    for (const limits of [{ maxActive: 2 }, { maxActive: 1 }, { maxActivePerOrigin: 2 }, { maxActive: 2, retry: 3, timeout: 60_000 }]) {
      for (const read of [(client) => client.get(NOWHERE).text(), async (client) => (await client.fetch(NOWHERE)).text()]) {
        const seen = guarded();
        const client = new Client({ ...limits, fetch: seen.fetch, hooks: refreshing() });
        const texts = await Promise.all(Array.from({ length: 20 }, () => read(client)));
        equal([new Set(texts).size, texts[0], seen.tokens, seen.most <= 2, counts(client)], [1, "welcome", 1, true, FREE], JSON.stringify(limits));
      }
    }
  },
  async the_fetch_of_a_hook_needs_no_slot() {
    for (const name of NAMES) {
      const fetch = transport(({ url }) => (url === TOKEN ? new Response("token") : new Response(null, { status: 503 })));
      const client = new Client({ maxActive: 1, maxActivePerOrigin: 1, maxQueued: 0, baseUrl: NOWHERE, throwHttpErrors: true, retry: { attempts: 2, baseDelay: 0 }, fetch });
      const read = deferred();
      // A relative URL resolves against the base URL, here too.
      const send = async ({ fetch }) => read.resolve(await (await fetch("token")).text());
      await rejectsWith(client.fetch(NOWHERE, { waterspout: { hooks: { [name]: send } } }), "STATUS");
      equal([await read.promise, counts(client)], ["token", FREE], name);
    }
  },
  async the_fetch_of_a_hook_calls_no_hook_and_tries_once() {
    const fetch = transport(() => new Response("busy", { status: 503 }));
    let [calls, status] = [0, undefined];
    const beforeRequest = async ({ fetch }) => {
      calls++;
      status = (await fetch(TOKEN, { method: "PUT", body: "a" })).status;
      return new Response("mine");
    };
    const client = new Client({ retry: { attempts: 3, baseDelay: 0 }, fetch, hooks: { beforeRequest } });
    equal([await client.get(NOWHERE).text(), calls, status, fetch.sent.length, fetch.sent[0].method], ["mine", 1, 503, 1, "PUT"]);
    equal(await fetch.sent[0].text(), "a");
  },
  async the_fetch_of_a_hook_ends_with_its_request() {
    const silent = ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    for (const end of ["abort", "request", "total", "close"]) {
      const fetch = transport(silent);
      const client = new Client({ maxActive: 1, fetch, hooks: { beforeRequest: async ({ fetch }) => void (await fetch(TOKEN)) } });
      const controller = new AbortController();
      const timeout = { [end]: 40 };
      const request = client.fetch(NOWHERE, { signal: controller.signal, ...(/request|total/.test(end) && { waterspout: { timeout } }) });
      const error = rejection(request);
      await turns();
      if (end === "abort") controller.abort(new RangeError("enough"));
      if (end === "close") client.close({ now: true });
      assert({ abort: /enough/, request: /limit `request`: 40 ms/, total: /limit `total`: 40 ms/, close: /closed/ }[end].test((await error).message), `${end}: ${await error}`);
      equal([fetch.sent.map(({ url, signal }) => [url, signal.aborted]), counts(client)], [[[TOKEN, true]], FREE], end);
    }
  },

  async hooks_are_functions_or_lists_and_lists_grow() {
    const notes = [];
    const note = (text) => ({ attempt }) => void notes.push(`${text}${attempt}`);
    for (const asList of [false, true]) {
      const given = (text) => Object.fromEntries(NAMES.map((name) => [name, asList ? [note(`${text} ${name} a `), note(`${text} ${name} b `)] : note(`${text} ${name} `)]));
      const parent = new Client({ retry: { attempts: 2, baseDelay: 0 }, throwHttpErrors: true, fetch: transport(() => new Response(null, { status: 503 })), hooks: given("parent") });
      const child = parent.extend({ hooks: given("child") });
      const steps = (levels) => [["beforeRequest", 1], ["afterResponse", 1], ["beforeRetry", 2], ["beforeRequest", 2], ["afterResponse", 2], ["onError", 2]].flatMap(([name, attempt]) => levels.flatMap((level) => (asList ? ["a ", "b "] : [""]).map((part) => `${level} ${name} ${part}${attempt}`)));
      for (const [client, init, levels] of [[child, { waterspout: { hooks: given("request") } }, ["parent", "child", "request"]], [child, {}, ["parent", "child"]], [parent, {}, ["parent"]]]) {
        notes.length = 0;
        await rejectsWith(client.fetch(NOWHERE, init), "STATUS");
        equal(notes, steps(levels));
      }
    }
  },
  async a_request_passes_from_hook_to_hook() {
    const fetch = transport();
    const add = (text) => async ({ request }) => new Request(`${request.url}${text}`, request);
    const beforeRequest = [add("a"), () => undefined, ({ request }) => void request.headers.set("x-a", "1"), add("b")];
    await new Client({ fetch, hooks: { beforeRequest } }).fetch(NOWHERE);
    equal([fetch.sent[0].url, fetch.sent[0].headers.get("x-a")], [`${NOWHERE}ab`, "1"]);
    let late = false;
    const answered = new Client({ fetch, hooks: { beforeRequest: [add("a"), () => new Response("mine"), () => void (late = true)] } });
    equal([await answered.get(NOWHERE).text(), late, fetch.sent.length], ["mine", false, 1], "a Response ends the list");
    const extend = (text) => async ({ response }) => new Response(`${await response.text()} ${text}`);
    equal(await new Client({ fetch, hooks: { afterResponse: [extend("a"), () => undefined, extend("b")] } }).get(NOWHERE).text(), "hello a b");
  },

  async a_hook_may_ask_for_another_attempt() {
    const opened = [];
    const fetch = transport(({ method, url, headers }, count) => {
      if (count > 2) return new Response([method, url, headers.get("x-a")].join(" "));
      return (opened[count - 1] = openBody()).response;
    });
    const openBody = () => {
      const made = { cancelled: false };
      made.response = new Response(new ReadableStream({ cancel: () => void (made.cancelled = true) }), { status: 401 });
      return made;
    };
    const afterResponse = ({ request, response, attempt, retry }) => {
      if (response.status !== 401) return;
      return attempt === 1 ? retry() : retry({ request: new Request(`${request.url}other`, { method: "PATCH", headers: { "x-a": "1" }, body: "new" }) });
    };
    const response = await new Client({ fetch, hooks: { afterResponse } }).fetch(NOWHERE, { method: "POST", body: "old" });
    equal([await response.text(), attemptsOf(response)], [`PATCH ${NOWHERE}other 1`, 3]);
    equal(await Promise.all(fetch.sent.map((request) => request.text())), ["old", "old", "new"]);
    equal(opened.map(({ cancelled }) => cancelled), [true, true], "the bodies of the other responses are cancelled");
  },
  async attempts_that_hooks_ask_for_are_bounded() {
    for (const [retry, expected] of [[undefined, 3], [1, 1], [2, 2], [5, 5], [{ attempts: 4 }, 4]]) {
      const fetch = transport((_, count) => new Response(`answer ${count}`, { status: 401 }));
      const client = new Client({ fetch, retry, hooks: { afterResponse: ({ retry }) => retry({ delay: 0 }) } });
      const response = await client.fetch(NOWHERE, { method: "POST", body: "x" });
      equal([response.status, attemptsOf(response), await response.text(), fetch.sent.length], [401, expected, `answer ${expected}`, expected], `retry: ${JSON.stringify(retry)}`);
    }
  },
  async a_hook_sets_the_delay_before_another_attempt() {
    const fetch = flaky(1);
    let wait;
    const client = new Client({ maxActive: 1, fetch, hooks: { afterResponse: ({ response, retry }) => (response.ok ? undefined : retry({ delay: 100 })) } });
    client.observe(({ stage, at }) => (stage === "waiting" ? (wait = -at) : stage === "started" && wait < 0 && (wait += at)));
    const request = client.get(NOWHERE).text();
    await turns();
    equal(counts(client).active, 0, "slots during the wait");
    equal(await request, "answer 2");
    assert(wait >= 98, `a wait of ${wait} ms`);
  },
  async a_body_that_can_be_sent_once_is_not_asked_for_again(lab, { streams }) {
    if (!streams) return;
    const fetch = transport(async (request) => (await request.text(), new Response("refused", { status: 401 })));
    const client = new Client({ fetch, hooks: { afterResponse: ({ retry }) => retry() } });
    const response = await client.fetch(NOWHERE, { method: "POST", body: new Blob(["x"]).stream(), duplex: "half" });
    equal([response.status, await response.text(), attemptsOf(response)], [401, "refused", 1]);
  },

  async before_retry_is_called_before_the_wait() {
    const contexts = [];
    const stages = [];
    const beforeRetry = ({ status, response, error, delay, attempt, request, fetch }) => {
      contexts.push([status, response?.status, error?.message, delay, attempt, request.url, typeof fetch]);
      stages.push("hook");
    };
    const answers = [new Response(null, { status: 503, headers: { "retry-after-ms": "20" } }), new TypeError("no"), new Response("good")];
    const answer = () => (answers[0] instanceof Response ? answers.shift() : Promise.reject(answers.shift()));
    const client = new Client({ fetch: transport(answer), retry: { baseDelay: 0 }, hooks: { beforeRetry } });
    client.observe(({ stage }) => stages.push(stage));
    equal(await client.get(NOWHERE).text(), "good");
    equal(contexts, [[503, 503, undefined, 20, 2, NOWHERE, "function"], [undefined, undefined, "no", 0, 3, NOWHERE, "function"]]);
    equal(stages.filter((stage) => /hook|waiting/.test(stage)), ["hook", "waiting", "hook", "waiting"]);
  },
  async before_retry_may_change_the_request() {
    for (const later of [false, true]) {
      const made = (change) => (later ? async (context) => (await sleep(1), change(context)) : change);
      const fetch = flaky(2);
      const elsewhere = made(({ request, attempt }) => new Request(`${request.url}${attempt}`, request));
      const beforeRetry = [elsewhere, ({ request }) => void request.headers.set("x-last", request.url.at(-1))];
      await new Client({ fetch, retry: { baseDelay: 0 }, hooks: { beforeRetry } }).fetch(NOWHERE);
      equal(fetch.sent.map(({ url, headers }) => [url, headers.get("x-last")]), [[NOWHERE, null], [`${NOWHERE}2`, "2"], [`${NOWHERE}23`, "3"]]);
      // The body goes with the changed request.
      const marked = flaky(2);
      const mark = made(({ request, attempt }) => new Request(request, { headers: { "x-attempt": String(attempt) } }));
      await new Client({ fetch: marked, retry: { baseDelay: 0 }, hooks: { beforeRetry: mark } }).fetch(NOWHERE, { method: "PUT", body: "kept" });
      equal(marked.sent.map(({ headers }) => headers.get("x-attempt")), [null, "2", "3"]);
      equal(await Promise.all(marked.sent.map((request) => request.text())), ["kept", "kept", "kept"]);
    }
  },
  async before_retry_stops_with_the_real_outcome() {
    for (const beforeRetry of [() => false, async () => false, [() => undefined, () => false]]) {
      const client = (fetch, settings) => new Client({ maxActive: 1, fetch, retry: 3, hooks: { beforeRetry }, ...settings });
      const response = await client(flaky(5)).fetch(NOWHERE);
      equal([response.status, response.bodyUsed, await response.text(), attemptsOf(response)], [503, false, "answer 1", 1]);
      equal(await client(flaky(5)).get(NOWHERE).text(), "answer 1");
      const reason = new TypeError("no");
      assert((await rejection(client(() => Promise.reject(reason)).fetch(NOWHERE))) === reason, "the very error");
      equal((await rejectsWith(client(flaky(5), { throwHttpErrors: true }).fetch(NOWHERE), "STATUS")).data, "answer 1");
    }
  },

  async a_hook_that_hangs_ends_with_its_request() {
    const never = () => new Promise(() => {});
    for (const name of ["beforeRequest", "afterResponse", "beforeRetry"]) {
      for (const end of ["abort", "request", "total", "close"]) {
        const client = new Client({ maxActive: 1, fetch: flaky(9), retry: { attempts: 2, baseDelay: 0 }, hooks: { [name]: [() => undefined, never] } });
        const controller = new AbortController();
        const limited = /request|total/.test(end) && { waterspout: { timeout: { [end]: 40 } } };
        const request = client.fetch(NOWHERE, { signal: controller.signal, ...limited });
        if (limited) await timesOut(request, `limit \`${end}\`: 40 ms`);
        else {
          const error = rejection(request);
          await turns();
          if (end === "abort") controller.abort("enough");
          else client.close({ now: true });
          equal((await error).code ?? (await error), end === "abort" ? "enough" : "CLOSED", `${name} until ${end}`);
        }
        equal(counts(client), FREE, `${name} until ${end}`);
      }
    }
    const failing = new Client({ fetch: () => Promise.reject(new TypeError("no")), hooks: { onError: never } });
    equal((await rejection(failing.fetch(NOWHERE))).message, "no");
    await failing.idle();
  },
  async a_hook_that_throws_fails_its_request_alone() {
    for (const name of ["beforeRequest", "afterResponse", "beforeRetry"]) {
      for (const broken of [() => { throw new SyntaxError("broken"); }, async () => { throw new SyntaxError("broken"); }]) {
        const told = [];
        const client = new Client({ maxActive: 1, fetch: flaky(9), retry: { attempts: 2, baseDelay: 0, when: ({ error }) => !error } });
        const hooks = { [name]: [broken], onError: [({ error }) => void told.push(error.name), () => { throw new Error("in the hook"); }, ({ error }) => void told.push(error.name)] };
        const [first, second] = [client.fetch(NOWHERE, { waterspout: { hooks } }), client.fetch(NOWHERE)];
        equal([(await rejection(first)).message, (await second).status, told, counts(client)], ["broken", 503, ["SyntaxError", "SyntaxError"], FREE], name);
      }
    }
  },
};
