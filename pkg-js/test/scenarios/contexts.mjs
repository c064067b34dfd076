/** A request continues in the context of its call: an AsyncLocalStorage, another realm, a proxy of the client. */
import { Client } from "waterspout";
import { assert, counts, equal, rejection, rejectsWith } from "./support.mjs";
import { each, holding, silent, turn, until, urlOf, within } from "./stubs.mjs";

const URL_A = "http://127.0.0.1:1/a";

/** Returns a new AsyncLocalStorage, or undefined in an engine without it. */
async function contextStorage() {
  // A name that is computed is not resolved by bundlers.
  const name = ["node", "async_hooks"].join(":");
  const { AsyncLocalStorage } = globalThis.process?.getBuiltinModule?.(name) ?? (await import(name).catch(() => ({})));
  return AsyncLocalStorage && new AsyncLocalStorage();
}

/** Options under which requests of a client do not all reach the platform within their calls. */
const waits = {
  "a slot": { maxActive: 1 },
  "a slot of the origin": { maxActivePerOrigin: 1 },
  "a slot, with limits": { maxActive: 1, timeout: { queue: 60_000, head: 60_000, request: 60_000, total: 60_000 } },
  "a slot, with hooks": { maxActive: 1, hooks: { beforeRequest: () => undefined, afterResponse: () => undefined } },
  "a slot, with a hook that waits": { maxActive: 1, hooks: { beforeRequest: () => turn(), afterResponse: () => turn() } },
  "a rate": { rateLimit: { requests: 1, per: 20 } },
  "a rate of the origin": { rateLimitPerOrigin: { requests: 1, per: 20 } },
  "another attempt": { retry: { baseDelay: 5 } },
  "another attempt and a slot": { maxActive: 1, retry: { baseDelay: 5 } },
  "another attempt and a rate": { rateLimit: { requests: 1, per: 10 }, retry: { baseDelay: 5 } },
  "another attempt, by a predicate that waits": { maxActive: 1, retry: { baseDelay: 5, when: async ({ default: wanted }) => (await turn(), wanted) } },
};

/** Returns a transport that notes the context of each call as [number of the request, number in the context]. */
function noting(storage, fails) {
  const noted = [];
  const attempts = {};
  const fetch = async (input) => {
    const number = Number(urlOf(input).split("?")[1]);
    noted.push([number, storage.getStore()]);
    attempts[number] = (attempts[number] ?? 0) + 1;
    await turn();
    return new Response("hello", { status: fails && attempts[number] === 1 ? 503 : 200 });
  };
  return { fetch, noted };
}

const isOwn = ([number, found]) => number === found;

/** Hooks and callbacks of request `number` that note the context of each of their calls. */
function notingOptions(storage, number, noted) {
  const note = (name) => () => void noted.push([name, number, storage.getStore()]);
  const hooks = Object.fromEntries(["beforeRequest", "beforeRetry", "afterResponse", "onError"].map((name) => [name, note(name)]));
  const when = ({ default: wanted }) => (note("when")(), wanted);
  const retry = { attempts: 2, baseDelay: 5, when };
  return { hooks, retry, onDownloadProgress: note("onDownloadProgress"), onUploadProgress: note("onUploadProgress") };
}

/** Returns the members of a realm of a page, or undefined where there is no page. */
async function otherRealm() {
  if (!globalThis.document) return undefined;
  const frame = document.createElement("iframe");
  frame.srcdoc = "<!doctype html>";
  const loaded = new Promise((resolve) => (frame.onload = resolve));
  document.body.append(frame);
  await loaded;
  return frame.contentWindow;
}

/** Arguments of fetch with objects of another realm, each with the signal of a controller. */
const foreignArguments = {
  "a Request": (realm, url) => {
    const controller = new AbortController();
    return [controller, new realm.Request(url, { signal: controller.signal })];
  },
  "a Request with a signal of its realm": (realm, url) => {
    const controller = new realm.AbortController();
    return [controller, new realm.Request(url, { signal: controller.signal })];
  },
  "a Request with a body": (realm, url) => {
    const controller = new realm.AbortController();
    return [controller, new realm.Request(url, { signal: controller.signal, method: "POST", body: "hello" })];
  },
  "a signal": (realm, url) => {
    const controller = new realm.AbortController();
    return [controller, url, { signal: controller.signal }];
  },
  "a URL and an init": (realm, url) => {
    const controller = new realm.AbortController();
    return [controller, new realm.URL(url), realm.Object.assign(new realm.Object(), { signal: controller.signal })];
  },
};

const bytesOf = (text) => new TextEncoder().encode(text);

/** Bodies of another realm with the text "hello". */
const foreignBodies = {
  text: () => "hello",
  Blob: (realm) => new realm.Blob(["hello"]),
  URLSearchParams: (realm) => new realm.URLSearchParams("hello"),
  Uint8Array: (realm) => new realm.Uint8Array(bytesOf("hello")),
  ArrayBuffer: (realm) => new realm.Uint8Array(bytesOf("hello")).buffer,
  FormData: (realm) => {
    const form = new realm.FormData();
    form.append("name", "hello");
    return form;
  },
};

/** Objects that stand for a client, as a function that calls a method by its name. */
const standIns = {
  "an empty proxy": (client) => callsOf(new Proxy(client, {})),
  "a proxy that wraps every object, as reactive() of Vue does": (client) => callsOf(reactive(client)),
  "a proxy that calls methods on itself": (client) => callsOf(new Proxy(client, { get: boundTo })),
  "an object that inherits from the client": (client) => callsOf(Object.create(client)),
  "a method taken out of the client": (client) => (name, ...args) => {
    const { [name]: method } = client;
    return method(...args);
  },
  "a method taken out of a proxy": (client) => (name, ...args) => {
    const { [name]: method } = reactive(client);
    return method(...args);
  },
};

const callsOf = (object) => (name, ...args) => object[name](...args);

function reactive(object) {
  const get = (target, name, receiver) => {
    const value = Reflect.get(target, name, receiver);
    return typeof value === "object" && value !== null ? reactive(value) : value;
  };
  return new Proxy(object, { get, set: Reflect.set, has: Reflect.has, ownKeys: Reflect.ownKeys, deleteProperty: Reflect.deleteProperty });
}

function boundTo(target, name, receiver) {
  const value = Reflect.get(target, name, receiver);
  return typeof value === "function" ? (...args) => value.apply(receiver, args) : value;
}

const shortcut = (name) => async (call) => equal((await call(name, URL_A)).status, 200);

/** A use of each member of a client, called as `call(name, ...args)`. */
const members = {
  fetch: shortcut("fetch"),
  get: async (call) => equal(await call("get", URL_A).text(), "hello"),
  head: shortcut("head"),
  post: async (call) => equal(await call("post", URL_A, { json: 1 }).text(), "hello"),
  put: shortcut("put"),
  patch: shortcut("patch"),
  delete: shortcut("delete"),
  async pause(call, client) {
    call("pause");
    const waiting = client.fetch(URL_A);
    equal(counts(client), { active: 0, queued: 1 });
    client.resume();
    await waiting;
  },
  async resume(call, client) {
    client.pause();
    const waiting = client.fetch(URL_A);
    call("resume");
    equal((await waiting).status, 200);
  },
  async clear(call, client) {
    client.pause();
    const waiting = rejectsWith(client.fetch(URL_A), "CLEARED");
    equal(call("clear"), 1);
    await waiting;
  },
  async close(call, client) {
    call("close");
    await rejectsWith(client.fetch(URL_A), "CLOSED");
  },
  stats: async (call) => equal(call("stats").origins, []),
  async observe(call, client) {
    const stages = [];
    const stop = call("observe", ({ stage }) => stages.push(stage));
    await client.fetch(URL_A);
    assert(stages[0] === "started", stages.join());
    const { length } = stages;
    stop();
    await client.fetch(URL_A);
    equal(stages.length, length);
  },
  events: async (call) => equal((await call("events", `${URL_A}?events`).next()).value.data, "hello"),
  extend: async (call) => equal(await call("extend", {}).get(URL_A).text(), "hello"),
  idle: (call) => call("idle"),
};

const answer = async (input) =>
  urlOf(input).endsWith("?events") ? new Response("data: hello\n\n", { headers: { "content-type": "text/event-stream" } }) : new Response("hello");

export const contexts = {
  async a_request_that_waited_is_sent_in_the_context_of_its_call() {
    const storage = await contextStorage();
    if (!storage) return;
    await each(waits, async (options, name) => {
      const { fetch, noted } = noting(storage, name.startsWith("another attempt"));
      const client = new Client({ fetch, ...options });
      await Promise.all([1, 2, 3, 4].map((number) => storage.run(number, () => client.fetch(`${URL_A}?${number}`))));
      assert(noted.length >= 4 && noted.every(isOwn), JSON.stringify(noted));
    });
  },
  async a_paused_request_is_sent_in_the_context_of_its_call() {
    const storage = await contextStorage();
    if (!storage) return;
    const { fetch, noted } = noting(storage);
    const client = new Client({ fetch });
    client.pause();
    const sent = [1, 2, 3].map((number) => storage.run(number, () => client.fetch(`${URL_A}?${number}`)));
    await turn();
    storage.run("the context of resume", () => client.resume());
    await Promise.all(sent);
    assert(noted.length === 3 && noted.every(isOwn), JSON.stringify(noted));
  },
  async hooks_and_callbacks_run_in_the_context_of_the_call() {
    const storage = await contextStorage();
    if (!storage) return;
    const { fetch } = noting(storage, true);
    const client = new Client({ fetch, maxActive: 1 });
    const noted = [];
    const send = async (number) => {
      const body = () => (noted.push(["body", number, storage.getStore()]), "hello");
      const init = { method: "PUT", body, waterspout: notingOptions(storage, number, noted) };
      await (await client.fetch(`${URL_A}?${number}`, init)).text();
    };
    await Promise.all([1, 2, 3].map((number) => storage.run(number, () => send(number))));
    const wrong = noted.filter(([, number, found]) => number !== found);
    equal(wrong, [], "calls in the context of another request");
    const names = new Set(noted.map(([name]) => name));
    const expected = ["beforeRequest", "beforeRetry", "afterResponse", "when", "onDownloadProgress", "onUploadProgress", "body"];
    for (const name of expected) assert(names.has(name), `${name} was not called`);
  },
  async an_error_hook_runs_in_the_context_of_the_call() {
    const storage = await contextStorage();
    if (!storage) return;
    const endings = {
      "a transport that rejects": { fetch: () => turn().then(() => { throw new TypeError("no"); }) },
      "a queue that is cleared": { fetch: silent, end: (client) => client.clear() },
      "a client that is closed": { fetch: silent, end: (client) => client.close({ now: true }), timeout: 60_000 },
      "a limit that passes": { fetch: silent, timeout: { total: 20 } },
      "an abort": { fetch: silent, end: (client, controller) => controller.abort() },
    };
    await each(endings, async ({ end, ...options }) => {
      const noted = [];
      const controller = new AbortController();
      const client = new Client({ maxActive: 1, ...options });
      const send = (number) => client.fetch(URL_A, { signal: controller.signal, waterspout: { hooks: { onError: () => void noted.push([number, storage.getStore()]) } } });
      const sent = Promise.allSettled([1, 2, 3].map((number) => storage.run(number, () => send(number))));
      await turn();
      storage.run("the context of the end", () => end?.(client, controller));
      if (end && noted.length < 3) storage.run("the context of the end", () => controller.abort());
      await sent;
      assert(noted.length === 3 && noted.every(isOwn), JSON.stringify(noted));
    });
  },
  async a_request_that_does_not_wait_is_sent_in_its_turn_and_context() {
    const storage = await contextStorage();
    const settings = { none: {}, ...waits, "an origin": { maxActivePerOrigin: 4 }, "a status error": { throwHttpErrors: true }, progress: { onDownloadProgress: () => undefined } };
    delete settings["a slot, with a hook that waits"];
    const calls = {
      "fetch(url)": (client, url) => client.fetch(url),
      "fetch(url, init)": (client, url) => client.fetch(url, { method: "POST", headers: { "x-a": "1" }, body: "hello" }),
      "fetch(request)": (client, url) => client.fetch(new Request(url)),
      "fetch with a body function": (client, url) => client.fetch(url, { method: "POST", body: () => "hello" }),
      "get(url)": (client, url) => client.get(url),
    };
    await each(settings, async (options) => {
      for (const [name, call] of Object.entries(calls)) {
        const found = [];
        const fetch = async () => (found.push(storage?.getStore()), new Response("hello"));
        const send = () => call(new Client({ fetch, ...options }), URL_A);
        const sent = storage ? storage.run(7, send) : send();
        equal(found, [storage && 7], `${name}: the contexts within the call`);
        await sent;
      }
    });
  },
  async an_abort_of_another_realm_ends_a_queued_request_at_once() {
    const realm = await otherRealm();
    if (!realm) return;
    await each(foreignArguments, async (make) => {
      const { fetch, held, release } = holding();
      const client = new Client({ fetch, maxActive: 1 });
      const first = client.fetch(URL_A);
      const [controller, ...call] = make(realm, URL_A);
      const queued = rejection(client.fetch(...call));
      await turn();
      equal(counts(client), { active: 1, queued: 1 });
      controller.abort("enough");
      equal(await within(queued, "the aborted request"), "enough");
      equal(counts(client), { active: 1, queued: 0 });
      release();
      await first;
      await turn();
      equal(held.length, 0, "requests that were sent after the abort");
    });
    realm.frameElement.remove();
  },
  async an_abort_of_another_realm_ends_a_running_request(lab) {
    const realm = await otherRealm();
    if (!realm) return;
    // This stops at the first failure: a browser opens only six connections to a server.
    for (const options of [{}, { timeout: 60_000 }, { retry: 3 }]) {
      for (const [name, make] of Object.entries(foreignArguments)) {
        const client = new Client(options);
        const [controller, ...call] = make(realm, lab.url("silence"));
        const running = rejection(client.fetch(...call));
        await turn();
        controller.abort("enough");
        const error = await within(running, `${name}, with ${JSON.stringify(options)},`);
        assert(error === "enough" || error.name === "AbortError", String(error));
        equal(counts(client), { active: 0, queued: 0 });
      }
    }
    realm.frameElement.remove();
  },
  async a_body_of_another_realm_is_sent_whole(lab) {
    const realm = await otherRealm();
    if (!realm) return;
    const ways = {
      "in a Request": (url, init) => [new realm.Request(url, init)],
      "in an init": (url, init) => [url, init],
    };
    const settings = [{}, { timeout: 60_000 }, { retry: 2 }, { onUploadProgress: () => undefined }];
    for (const [way, argumentsOf] of Object.entries(ways)) {
      await each(foreignBodies, async (make, name) => {
        for (const options of settings) {
          const client = new Client({ maxActive: 1, ...options });
          const blocking = client.fetch(lab.url("hello"));
          const sent = client.fetch(...argumentsOf(lab.url("echo"), { method: "POST", body: make(realm) }));
          const text = await (await sent).text();
          const what = `${name} ${way} with ${Object.keys(options)}`;
          if (name === "FormData") assert(text.includes('name="name"\r\n\r\nhello\r\n'), `${what}: ${text}`);
          else equal(text.replace(/=$/, ""), "hello", what);
          await blocking;
        }
      });
    }
    realm.frameElement.remove();
  },
  async a_body_of_another_realm_is_sent_again() {
    const realm = await otherRealm();
    if (!realm) return;
    await each(foreignBodies, async (make, name) => {
      const sent = [];
      const fetch = async (...call) => {
        sent.push(await new Request(...call).text());
        return new Response(null, { status: sent.length < 2 ? 503 : 200 });
      };
      const client = new Client({ fetch, retry: { attempts: 2, baseDelay: 0 } });
      const response = await client.fetch(new realm.Request(URL_A, { method: "PUT", body: make(realm) }));
      equal([response.status, sent.length], [200, 2]);
      assert(sent.every((text) => text.includes("hello")), `${name}: ${sent}`);
    });
    realm.frameElement.remove();
  },
  async a_stand_in_of_a_client_has_its_methods() {
    for (const [standIn, make] of Object.entries(standIns)) {
      await each(members, async (use, name) => {
        const client = new Client({ fetch: answer });
        await Promise.resolve(use(make(client), client)).catch((error) => assert(false, `${name} through ${standIn}: ${error.message}`));
      });
    }
    if (!Symbol.dispose) return;
    const client = new Client({ fetch: answer });
    new Proxy(client, {})[Symbol.dispose]();
    await rejectsWith(client.fetch(URL_A), "CLOSED");
  },
  async a_held_request_of_a_stand_in_is_counted_by_the_client() {
    const { fetch, held, release } = holding();
    const client = new Client({ fetch, maxActive: 1 });
    const proxy = reactive(client);
    const sent = [proxy.fetch(URL_A), client.fetch(URL_A), proxy.get(URL_A)];
    equal([counts(proxy), counts(client)], Array(2).fill({ active: 1, queued: 2 }));
    for (let request = 0; request < 3; request++) {
      await until(() => held.length === 1, "a call of the transport");
      release();
      await (await sent[request]).text();
    }
    equal(counts(proxy), { active: 0, queued: 0 });
  },
};
