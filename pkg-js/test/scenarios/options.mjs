/** Options: what each form means, and what is said about a wrong value. */
import { attemptsOf, Client } from "waterspout";
import { assert, counts, deferred, equal, failure, NOWHERE, rejection, rejectsWith, sleep, timesOut, transport, turns } from "./support.mjs";

const FREE = { active: 0, queued: 0 };
const nothing = () => undefined;

/** The words with which an error says what to do. */
const FIX = /must|the members are|exclude|use |set |give |pass /;

/** Wrong values of the options of a client. */
const OF_CLIENTS = {
  maxActive: [0, -1, 1.5, "3", NaN, null, true, {}],
  maxActivePerOrigin: [0, -1, 1.5, "3", NaN, null, true],
  maxQueued: [-1, 1.5, "3", NaN, null, true],
  rateLimit: [5, "5", {}, { requests: 1 }, { requests: 0, per: 1 }, { requests: 1, per: 0 }, { requests: 1, per: "1s" }, { requests: 1, per: 1, burst: 0 }, { requests: 1, per: 1, each: 1 }, true],
  rateLimitPerOrigin: [5, {}, { requests: -1, per: 1 }, { requests: 1, interval: 1 }],
  baseUrl: [5, true, {}],
  headers: [5, "x: y", true],
  searchParams: [5, true, { a: {} }, { a: nothing }, { a: [{}] }],
  fetch: [1, "fetch", {}],
  fallback: [1, "fetch", {}],
};

/** Wrong values of the options of a request, which a client has too. */
const OF_REQUESTS = {
  timeout: ["5s", -1, NaN, null, true, { connect: 5 }, { head: -1 }, { head: "5" }, { total: null }, [5]],
  priority: [40_000, -40_000, 1.5, {}, null],
  retry: ["3", -1, 1.5, NaN, null, { tries: 3 }, { attempts: -1 }, { baseDelay: -1 }, { baseDelay: "1s" }, { maxDelay: NaN }, { methods: 5 }, { methods: [5] }, { statusCodes: "503" }, { when: 1 }],
  throwHttpErrors: ["yes", 1, null, {}],
  slot: ["tail", true, 1, null],
  hooks: [5, nothing, { before: nothing }, { beforeRequest: 1 }, { beforeRequest: [nothing, "x"] }, { onError: {} }],
  onDownloadProgress: [1, true, {}],
  onUploadProgress: [1, true, {}],
};

/** Checks that a call fails with an error about a wrong argument, which names the option and the fix. */
async function refuses(call, option, value) {
  const shown = `${option}: ${JSON.stringify(value) ?? String(value)}`;
  const error = await failure(call).catch(() => assert(false, `${shown} is accepted`));
  assert(error instanceof TypeError || error instanceof RangeError, `${shown}: ${error}`);
  assert(error.message.includes(option) && FIX.test(error.message), `${shown}: ${error.message}`);
}

const rows = (table) => Object.entries(table).flatMap(([option, values]) => values.map((value) => [option, value]));

/** Returns what a call sent: its URL, type and body. */
async function sentBy(call) {
  const fetch = transport();
  await call(new Client({ fetch }));
  const [request] = fetch.sent;
  return { url: request.url, type: request.headers.get("content-type"), text: await request.text() };
}

export const options = {
  async a_wrong_option_is_refused_by_name() {
    for (const [option, value] of [...rows(OF_CLIENTS), ...rows(OF_REQUESTS)]) {
      await refuses(() => new Client({ [option]: value }), option, value);
      if (!/^(max|rate)/.test(option)) await refuses(() => new Client().extend({ [option]: value }), option, value);
    }
  },
  async a_wrong_option_of_a_request_is_refused_by_name() {
    const fetch = transport();
    const client = new Client({ fetch });
    for (const [option, value] of rows(OF_REQUESTS)) {
      await refuses(() => client.fetch(NOWHERE, { waterspout: { [option]: value } }), option, value);
      await refuses(() => client.get(NOWHERE, { waterspout: { [option]: value } }), option, value);
      await refuses(() => client.get(NOWHERE, { [option]: value }), option, value);
    }
    for (const value of [5, true, { a: {} }, { a: nothing }, { a: [{}] }]) {
      await refuses(() => client.get(NOWHERE, { searchParams: value }), "searchParams", value);
      await refuses(() => client.post(NOWHERE, { form: value }), "form", value);
    }
    for (const value of [nothing, Symbol("x")]) await refuses(() => client.post(NOWHERE, { json: value }), "json", value);
    equal([fetch.sent.length, counts(client)], [0, FREE], "nothing is sent");
  },
  async an_unknown_option_is_refused_with_the_known_names() {
    const client = new Client({ fetch: transport() });
    for (const name of ["maxactive", "concurrency", "timeOut", "prefixUrl", "baseURL", "params", "limit", "hook"]) {
      await refuses(() => new Client({ [name]: 1 }), name, 1);
      await refuses(() => client.extend({ [name]: 1 }), name, 1);
      await refuses(() => client.fetch(NOWHERE, { waterspout: { [name]: 1 } }), name, 1);
    }
    // A request has no options of the queue and of the client.
    for (const name of Object.keys(OF_CLIENTS)) {
      const error = await rejection(client.fetch(NOWHERE, { waterspout: { [name]: 1 } }));
      assert(error instanceof TypeError && error.message.includes(name), String(error));
    }
    const invalid = await failure(async () => new Client({ baseUrl: "http://[", fetch: transport() }).get("x"));
    assert(invalid instanceof TypeError && /baseUrl|http:\/\/\[/.test(invalid.message), String(invalid));
  },
  async each_option_may_be_undefined() {
    const none = (...names) => Object.fromEntries(names.flat().map((name) => [name, undefined]));
    const ofRequest = none(Object.keys(OF_REQUESTS));
    const fetch = transport();
    const client = new Client({ ...none(Object.keys(OF_CLIENTS)), ...ofRequest, fetch });
    const nested = { timeout: none("queue", "head", "idle", "request", "total"), retry: none("attempts", "methods", "statusCodes", "baseDelay", "maxDelay", "when"), hooks: none("beforeRequest", "beforeRetry", "afterResponse", "onError") };
    const init = { ...none("body", "headers", "signal", "json", "form", "searchParams"), ...ofRequest, waterspout: { ...ofRequest, ...nested } };
    equal(await client.get(NOWHERE, init).text(), "hello");
    equal(await client.extend({ ...ofRequest, ...nested }).get(NOWHERE, { waterspout: undefined }).text(), "hello");
    equal(await (await client.fetch(NOWHERE, { waterspout: { ...ofRequest, ...nested } })).text(), "hello");
    equal((await rejection(client.get(NOWHERE, { searchParams: undefined, method: undefined }).then(() => { throw 0; }))) === 0, true);
  },

  async false_infinity_and_zero_mean_none() {
    for (const none of [{ maxActive: Infinity }, { maxActive: Infinity, maxActivePerOrigin: Infinity }, { maxActive: Infinity, rateLimit: false, rateLimitPerOrigin: false }]) {
      const answer = deferred();
      const client = new Client({ ...none, fetch: () => answer.promise.then(() => new Response(null)) });
      const requests = Array.from({ length: 300 }, () => client.fetch(NOWHERE));
      equal(counts(client), { active: 300, queued: 0 }, JSON.stringify(none));
      answer.resolve();
      await Promise.all(requests);
    }
    const paused = new Client({ maxQueued: Infinity, fetch: transport() });
    paused.pause();
    const waiting = Array.from({ length: 300 }, () => rejectsWith(paused.fetch(NOWHERE), "CLEARED"));
    equal(paused.clear(), 300);
    await Promise.all(waiting);
    const busy = transport(() => new Response(null, { status: 503 }));
    for (const retry of [0, false, 1]) {
      equal(attemptsOf(await new Client({ fetch: busy, retry }).fetch(NOWHERE)), 1, `retry: ${retry}`);
      const trying = new Client({ fetch: busy, retry: { attempts: 3, baseDelay: 0 } });
      equal([attemptsOf(await trying.get(NOWHERE, { retry })), attemptsOf(await trying.fetch(NOWHERE, { waterspout: { retry } })), attemptsOf(await trying.get(NOWHERE))], [1, 1, 3], `retry: ${retry}`);
    }
    const slow = transport(() => sleep(60).then(() => new Response("hello")));
    for (const timeout of [false, 0, Infinity, { request: 0, head: Infinity }]) {
      equal(await new Client({ fetch: slow, timeout }).get(NOWHERE).text(), "hello");
      const limited = new Client({ fetch: slow, timeout: { request: 20 } });
      equal(await limited.get(NOWHERE, { timeout }).text(), "hello", `timeout: ${JSON.stringify(timeout)}`);
    }
  },

  async shortcuts_take_the_options_of_a_request_at_both_places() {
    const silent = ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const at = { top: (options) => options, waterspout: (options) => ({ waterspout: options }) };
    for (const [place, given] of Object.entries(at)) {
      for (const name of ["get", "head", "post", "put", "patch", "delete"]) {
        await timesOut(new Client({ fetch: transport(silent) })[name](NOWHERE, given({ timeout: 30 })), "limit `request`: 30 ms");
      }
      const fetch = transport(() => new Response("bad", { status: 503 }));
      const client = new Client({ fetch });
      const seen = [];
      client.observe(({ stage, priority }) => stage === "started" && seen.push(priority));
      equal(attemptsOf(await client.get(NOWHERE, given({ retry: { attempts: 2, baseDelay: 0 } }))), 2, place);
      equal((await rejectsWith(client.get(NOWHERE, given({ throwHttpErrors: true })), "STATUS")).data, "bad", place);
      await client.get(NOWHERE, given({ priority: 7, slot: "head", hooks: { afterResponse: () => void seen.push("hook") } })).text();
      equal(seen.slice(3), [7, "hook"], place);
      const progress = [];
      await client.put(NOWHERE, { body: "abc", ...given({ onDownloadProgress: ({ bytes }) => progress.push(`down ${bytes}`), onUploadProgress: ({ bytes }) => progress.push(`up ${bytes}`) }) }).text();
      equal(progress, ["up 0", "up 3", "down 3"], place);
    }
  },
  async the_platform_sees_no_option_of_the_package() {
    const inits = [];
    const client = new Client({ fetch: async (_, init) => (inits.push(init), new Response("hello")) });
    const ours = { timeout: 60_000, retry: 2, throwHttpErrors: true, slot: "head", hooks: {}, onDownloadProgress: nothing, onUploadProgress: nothing, searchParams: { a: 1 } };
    await client.get(NOWHERE, { ...ours, priority: 3, waterspout: {}, next: 1 });
    await client.post(NOWHERE, { ...ours, json: 1, next: 1 });
    await client.post(NOWHERE, { form: { a: 1 }, next: 1 });
    for (const init of inits) equal([Object.keys(init).filter((name) => name in ours || /json|form|waterspout/.test(name)), init.next], [[], 1]);
    // A text is the platform's own priority.
    await client.get(NOWHERE, { priority: "low", next: 1 });
    equal([inits[3].priority, typeof inits[0].priority], ["low", "undefined"]);
  },

  async a_body_may_be_a_function_and_its_promise_is_awaited() {
    const form = new FormData();
    form.append("a", "1");
    const rows = [["text", /^text$/], [new Blob(["blob"]), /^blob$/], [new TextEncoder().encode("bytes"), /^bytes$/], [new URLSearchParams("a=1"), /^a=1$/], [form, /name="a"/]];
    for (const [body, expected] of rows) {
      for (const make of [() => body, async () => body, () => sleep(1).then(() => body)]) {
        for (const name of ["post", "put", "patch", "delete", "fetch"]) {
          const { text } = await sentBy((client) => client[name](NOWHERE, { body: make, ...(name === "fetch" && { method: "POST" }) }));
          assert(expected.test(text), `${name}: ${text}`);
        }
      }
    }
    for (const body of [() => { throw new SyntaxError("broken"); }, async () => { throw new SyntaxError("broken"); }]) {
      const client = new Client({ maxActive: 1, fetch: transport() });
      equal([(await rejection(client.post(NOWHERE, { body }))).message, (await client.fetch(NOWHERE)).status], ["broken", 200]);
      equal((await rejection(client.fetch(NOWHERE, { method: "POST", body }))).message, "broken");
    }
    const client = new Client({ maxActive: 1, fetch: transport() });
    const never = () => new Promise(() => {});
    await timesOut(client.post(NOWHERE, { body: never, timeout: 30 }), "limit `request`: 30 ms");
    const controller = new AbortController();
    const hanging = rejection(client.post(NOWHERE, { body: never, signal: controller.signal }));
    await turns();
    controller.abort("enough");
    equal([await hanging, counts(client)], ["enough", FREE]);
  },
  async search_params_take_every_simple_value() {
    const rows = [
      [{ a: 1, b: true, c: false, d: "x y", e: 0, f: "" }, "a=1&b=true&c=false&d=x+y&e=0&f="],
      [{ a: undefined, b: null, c: 1 }, "c=1"],
      [{ a: [1, 2, "x"], b: [], c: [undefined, 3, null] }, "a=1&a=2&a=x&c=3"],
      [{ a: -1.5, b: 10n }, "a=-1.5&b=10"],
      [[["a", "1"], ["a", "2"]], "a=1&a=2"],
      [new URLSearchParams("a=1&a=2"), "a=1&a=2"],
      ["a=1&b=%20", "a=1&b=+"],
      ["?a=1", "a=1"],
      [{}, ""],
      [{ a: undefined }, ""],
      ["", ""],
    ];
    for (const [searchParams, expected] of rows) {
      const query = expected && `?${expected}`;
      equal((await sentBy((client) => client.get(NOWHERE, { searchParams }))).url, NOWHERE + query, expected);
      equal((await sentBy((client) => client.extend({ searchParams }).fetch(NOWHERE))).url, NOWHERE + query, expected);
      equal((await sentBy((client) => client.get(`${NOWHERE}?z`, { searchParams }))).url, `${NOWHERE}?z${expected && `&${expected}`}`, expected);
    }
  },
  async a_form_is_pairs_or_form_data() {
    const data = new FormData();
    data.append("a", "h\u00e9");
    for (const name of ["post", "put", "patch"]) {
      const { type, text } = await sentBy((client) => client[name](NOWHERE, { form: data }));
      const boundary = /^multipart\/form-data; ?boundary="?([^";]+)/.exec(type)?.[1];
      assert(boundary && text.startsWith(`--${boundary}`) && text.includes('name="a"') && text.includes("h\u00e9"), `${type}\n${text}`);
      for (const [form, expected] of [[{ a: "1 2" }, "a=1+2"], [{ a: 1, b: true, c: undefined, d: [1, 2] }, "a=1&b=true&d=1&d=2"], [[["a", "1"], ["a", "2"]], "a=1&a=2"], [new URLSearchParams("a=1"), "a=1"]]) {
        const sent = await sentBy((client) => client[name](NOWHERE, { form }));
        equal([sent.text, sent.type.split(";")[0]], [expected, "application/x-www-form-urlencoded"]);
      }
      const none = await sentBy((client) => client[name](NOWHERE, { json: undefined, form: undefined }));
      equal([none.text, none.type], ["", null], "undefined is none");
      equal((await sentBy((client) => client[name](NOWHERE, { json: undefined, body: "x" }))).text, "x");
      equal((await sentBy((client) => client[name](NOWHERE, { json: null }))).text, "null");
    }
    for (const init of [{ form: data, json: 1 }, { form: data, body: "x" }, { json: 0, body: () => "x" }]) {
      await refuses(() => new Client({ fetch: transport() }).post(NOWHERE, init), "body", Object.keys(init));
    }
  },

  async a_form_with_a_file_reaches_the_server(lab) {
    const form = new FormData();
    form.append("a", "1");
    form.append("file", new Blob(["content"]), "name.txt");
    for (const init of [{ form }, { body: form }, { body: async () => form }, { form, onUploadProgress: nothing }]) {
      const response = await new Client().post(lab.url("echo"), init);
      const [type, text] = [response.headers.get("content-type"), await response.text()];
      const boundary = text.slice(2, text.indexOf("\r\n"));
      assert(type.includes(boundary) && text.includes('name="file"; filename="name.txt"') && text.includes("\r\ncontent\r\n"), `${type}\n${text}`);
    }
  },

  async a_timeout_counts_from_the_slot_of_each_request() {
    const answer = () => sleep(50).then(() => new Response("hello"));
    for (const limits of [{ maxActive: 2 }, { maxActive: 6, maxActivePerOrigin: 2, retry: 3 }]) {
      const client = new Client({ ...limits, timeout: 600, fetch: transport(answer) });
      const reads = Array.from({ length: 40 }, (_, n) => (n % 2 ? client.get(NOWHERE).text() : client.fetch(NOWHERE).then((response) => response.text())));
      equal(new Set(await Promise.all(reads)).size, 1, "no healthy request of a batch is rejected");
    }
    const held = deferred();
    const single = new Client({ maxActive: 1, fetch: transport(() => held.promise) });
    const first = single.get(NOWHERE).text();
    await timesOut(single.get(NOWHERE, { timeout: { total: 20 } }).text(), "limit `total`: 20 ms");
    held.resolve(new Response("hello"));
    equal(await first, "hello");
  },
  async an_upload_of_a_form_counts_to_its_end(lab, { streams }) {
    // The boundaries of Firefox are random numbers without leading zeros, so a form is some bytes longer or shorter.
    const boundaries = Array.from({ length: 200 }, () => new Response(new FormData()).headers.get("content-type"));
    const slack = new Set(boundaries.map(({ length }) => length)).size > 1 ? 64 : 0;
    const form = new FormData();
    form.append("a", "1");
    form.append("file", new Blob([new Uint8Array(200_000)]), "f.bin");
    for (const key of ["body", "form"]) {
      const seen = [];
      const text = await new Client().post(lab.url("upload"), { [key]: form, onUploadProgress: (progress) => seen.push(progress) }).text();
      const received = Number(text.split(" ")[0]);
      assert(received > 200_000 && seen[0].bytes >= 0, text);
      assert(seen.every(({ bytes, total = Infinity }, at) => bytes <= received + slack && bytes <= total && bytes >= (seen[at - 1]?.bytes ?? 0)), JSON.stringify(seen));
      const { bytes } = seen.at(-1);
      if (streams) assert(Math.abs(bytes - received) <= slack, `the last report is ${bytes}, not ${received}`);
    }
  },

  async methods_work_without_their_client() {
    const make = { destructured: (client) => ({ ...client }), proxied: (client) => new Proxy(client, { get: (target, name, receiver) => Reflect.get(target, name, receiver) }) };
    for (const [name, view] of Object.entries(make)) {
      const { fetch, get, head, post, put, patch, delete: remove, events, pause, resume, clear, close, stats, observe, idle, extend } = view(new Client({ maxActive: 1, fetch: transport(({ method }) => new Response(method === "HEAD" ? null : method)) }));
      const steps = [];
      const stop = observe(({ stage }) => steps.push(stage));
      equal([await (await fetch(NOWHERE)).text(), await get(NOWHERE).text(), (await head(NOWHERE)).status], ["GET", "GET", 200], name);
      for (const [method, send] of Object.entries({ POST: post, PUT: put, PATCH: patch, DELETE: remove })) equal(await send(NOWHERE).text(), method, name);
      stop();
      assert(steps.length >= 14 && stats().active === 0, name);
      pause();
      const waiting = rejectsWith(get(NOWHERE), "CLEARED");
      equal([clear(), stats().queued], [1, 0], name);
      await waiting;
      resume();
      equal(await extend({ priority: 1 }).get(NOWHERE).text(), "GET", name);
      equal((await rejection(events(NOWHERE).next())).code, "DECODE", name);
      await Promise.all([idle(), close()]);
      await rejectsWith(fetch(NOWHERE), "CLOSED");
    }
  },
};
