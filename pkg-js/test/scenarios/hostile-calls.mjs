/** A hostile argument, hook or observer fails its own request only. */
import { Client } from "waterspout";
import { assert, counts, equal } from "./support.mjs";
import { turn, watchErrors, within } from "./stubs.mjs";
import {
  clientOptions, hostileProxy, hostileThenables, hostileValues, isHostile, LIMITS, mustAnswer, mustBeHostile, mustReject, pairs, revokedProxy, sendings, survive,
  throwHostile, trapped, URL_A,
} from "./hostile-support.mjs";

const READS = [0, 1, 2, 3];
const REQUEST_MEMBERS = ["url", "method", "headers", "body", "bodyUsed", "signal", "clone", "mode", "credentials", "referrer", "referrerPolicy", "text", "arrayBuffer", "constructor"];
const URL_MEMBERS = ["href", "origin", "protocol", "username", "password", "search", "toString", "constructor"];
const INIT_MEMBERS = ["method", "headers", "body", "signal", "redirect", "mode", "credentials", "cache", "referrer", "integrity", "keepalive", "duplex", "window", "waterspout", "next"];

/** The members of an init that every platform reads: an exception of these is the request's error. */
const ALWAYS_READ = ["method", "headers", "body", "signal", "waterspout"];

const answer = async () => new Response("hello");
const busy = async () => new Response("busy", { status: 503 });
const failingTransport = () => Promise.reject(new TypeError("no"));

/** Makers of hostile inputs of fetch. */
const inputs = {
  ...hostileValues,
  "a revoked proxy of a Request": () => revokedProxy(new Request(URL_A)),
  "a proxy of a Request": () => new Proxy(new Request(URL_A), {}),
  "a proxy of a Request that throws": () => hostileProxy(new Request(URL_A)),
  "a proxy of a URL that throws": () => hostileProxy(new URL(URL_A)),
  "an object like a Request": () => ({ url: URL_A, method: "POST", headers: {}, signal: trapped({ aborted: false }, "aborted") }),
  "an object whose url throws": () => trapped({ toString: () => URL_A }, "url"),
  ...trapsOf("an object", ["toString", "url", "href", "signal", "constructor"], () => ({ toString: () => URL_A })),
  ...trapsOf("a Request", REQUEST_MEMBERS, () => new Request(URL_A)),
  ...trapsOf("a Request with a body", REQUEST_MEMBERS, () => new Request(URL_A, { method: "PUT", body: "hello" })),
  ...trapsOf("a URL", URL_MEMBERS, () => new URL(URL_A)),
  "an object whose conversion gives no text": () => ({ toString: () => ({}) }),
  "an object whose conversion changes": () => {
    let calls = 0;
    return { toString: () => (calls++ ? "http://[" : URL_A) };
  },
  "a Request of a subclass": () => {
    class Hostile extends Request {
      get url() {
        return throwHostile("url");
      }
    }
    return new Hostile(URL_A);
  },
};

/** Returns a table of objects, each with a member that throws after some reads. */
function trapsOf(kind, members, make) {
  const entries = members.flatMap((member) => READS.map((reads) => [`${kind} whose ${member} throws after ${reads} reads`, () => trapped(make(), member, reads)]));
  return Object.fromEntries(entries);
}

const full = () => ({ method: "POST", headers: { "x-a": "1" }, body: "hello", redirect: "follow" });

/** Makers of hostile second arguments of fetch. */
const inits = {
  ...trapsOf("an init", INIT_MEMBERS, full),
  ...trapsOf("a null init", INIT_MEMBERS, () => Object.create(null)),
  "a frozen proxy that throws": () => hostileProxy(Object.freeze(full())),
  "a revoked proxy": () => revokedProxy(full()),
  ...Object.fromEntries(
    ["get", "has", "ownKeys", "getOwnPropertyDescriptor", "getPrototypeOf", "set", "defineProperty"].map((trap) => [`a proxy whose trap ${trap} throws`, () => hostileProxy(full(), [trap])]),
  ),
  "headers that are a proxy": () => ({ headers: hostileProxy() }),
  "headers with a value that throws": () => ({ headers: trapped({}, "x-a") }),
  "headers with a value that is converted": () => ({ headers: { "x-a": { toString: throwHostile } } }),
  "headers whose iterator throws": () => ({ headers: { [Symbol.iterator]: throwHostile } }),
  "a body that is a proxy": () => ({ method: "POST", body: hostileProxy() }),
  "a body whose conversion throws": () => ({ method: "POST", body: { toString: throwHostile } }),
  "a body whose iterator throws": () => ({ method: "POST", body: { [Symbol.asyncIterator]: throwHostile }, duplex: "half" }),
  "a body whose iterator cannot be read": () => ({ method: "POST", body: trapped({}, Symbol.asyncIterator) }),
  "a body function that throws": () => ({ method: "POST", body: throwHostile }),
  "a body function that rejects": () => ({ method: "POST", body: async () => throwHostile() }),
  "a body function that returns a proxy": () => ({ method: "POST", body: () => hostileProxy() }),
  "a body function that returns a revoked proxy": () => ({ method: "POST", body: () => revokedProxy() }),
  "a body function that returns a hostile thenable": () => ({ method: "POST", body: () => ({ then: throwHostile }) }),
  "a body function that is a proxy": () => ({ method: "POST", body: hostileProxy(() => "hello") }),
  "options that are a proxy": () => ({ waterspout: hostileProxy() }),
  ...Object.fromEntries(["timeout", "retry", "hooks", "priority", "onDownloadProgress"].map((name) => [`options whose ${name} throws`, () => ({ waterspout: trapped({}, name) })])),
  "a limit that throws": () => ({ waterspout: { timeout: trapped({}, "head") } }),
  "a retry option that throws": () => ({ waterspout: { retry: trapped({}, "attempts") } }),
  "a hook that cannot be read": () => ({ waterspout: { hooks: trapped({}, "beforeRequest") } }),
};

/** Options of the shortcuts that throw. */
const shortcutInits = {
  json: () => ({ json: { toJSON: throwHostile } }),
  form: () => ({ form: trapped({}, "name") }),
  searchParams: () => ({ searchParams: trapped({}, "name") }),
  "searchParams that are a proxy": () => ({ searchParams: hostileProxy() }),
  "a json that cannot be read": () => trapped({}, "json"),
  "a value of searchParams": () => ({ searchParams: { a: { toString: throwHostile } } }),
};

/** What a hook does: each returns what the hook returns. */
const conducts = {
  throws: () => throwHostile("a hook"),
  rejects: async () => throwHostile("a hook"),
  "throws later": async () => (await turn(), throwHostile("a hook")),
  ...Object.fromEntries(Object.entries(hostileValues).map(([name, make]) => [`throws ${name}`, () => { throw make(); }])),
};

/** What a hook returns. */
const returns = {
  ...Object.fromEntries(Object.entries({ ...hostileValues, ...hostileThenables }).map(([name, make]) => [`returns ${name}`, make])),
  ...Object.fromEntries(["status", "headers", "body", "clone"].map((member) => [`returns a Response whose ${member} throws`, () => trapped(new Response("x"), member)])),
  ...Object.fromEntries(["url", "signal", "headers", "method", "body"].map((member) => [`returns a Request whose ${member} throws`, () => trapped(new Request(URL_A), member)])),
  "returns a number": () => 5,
};

/** Names of hooks that decide: an exception is the request's error. */
const deciding = ["beforeRequest", "afterResponse", "beforeRetry"];

const retrying = { retry: { attempts: 2, baseDelay: 0 } };

/** Returns the cases of a call of fetch for all ways to send and some options. */
const sent = (call, check) =>
  pairs({ nothing: {}, "limits and retry": { timeout: LIMITS, ...retrying }, "a limit of the origin": { maxActivePerOrigin: 1 } }, sendings, (options, send) => ({
    options: { ...options, fetch: answer },
    send: (client) => send(client, ...call()),
    check,
  }));

/** Runs a table of calls, several at the same time, with the name of each in its cases. */
async function surviveAll(table, casesOf) {
  const all = {};
  for (const [name, entry] of Object.entries(table)) {
    for (const [variant, made] of Object.entries(casesOf(entry, name))) all[`${name} (${variant})`] = made;
  }
  await survive(all);
}

export const hostileCalls = {
  async a_hostile_input_fails_only_its_request() {
    await surviveAll(inputs, (make) => sent(() => [make()]));
  },
  async an_input_whose_conversion_throws_rejects_with_its_error() {
    await surviveAll({ toString: () => ({ toString: throwHostile }) }, (make) => sent(() => [make()], mustBeHostile));
    // Bun has an error of its own for this.
    await surviveAll({ "Symbol.toPrimitive": () => ({ [Symbol.toPrimitive]: throwHostile }) }, (make) => sent(() => [make()], mustReject));
  },
  async a_hostile_init_fails_only_its_request() {
    await surviveAll(inits, (make) => sent(() => [URL_A, make()]));
  },
  async an_init_that_throws_rejects_with_its_error() {
    const table = Object.fromEntries(ALWAYS_READ.map((member) => [member, () => trapped(full(), member)]));
    await surviveAll(table, (make) => sent(() => [URL_A, make()], mustBeHostile));
  },
  async a_hostile_option_of_a_shortcut_rejects_with_its_error() {
    // A pair of an object is refused before it is made a text.
    const make = (init, options, name) => ({ options: { ...options, fetch: answer }, send: (client) => client.post(URL_A, init()), check: name === "a value of searchParams" ? mustReject : mustBeHostile });
    await survive(pairs(shortcutInits, clientOptions, make));
  },
  async a_hostile_call_does_not_throw_within_its_call() {
    const callsOf = (table, argumentsOf) => Object.fromEntries(Object.entries(table).map(([name, make]) => [name, () => argumentsOf(make)]));
    const calls = { ...callsOf(inputs, (make) => [make()]), ...callsOf(inits, (make) => [URL_A, make()]) };
    const watch = watchErrors();
    const failures = [];
    for (const [name, call] of Object.entries(calls)) {
      watch.current = name;
      const client = new Client({ fetch: answer, timeout: LIMITS });
      for (const method of ["fetch", "get"]) {
        const given = call();
        let promise;
        try {
          promise = client[method](...given);
        } catch {
          failures.push(`${method} throws within the call: ${name}`);
        }
        await within(Promise.resolve(promise).then((response) => response?.text?.()).then(() => undefined, () => undefined), name).catch((error) => failures.push(error.message));
      }
      await turn();
      if (client.stats().active > 0) failures.push(`a slot stays taken: ${name}`);
    }
    equal([failures, await watch.stop()], [[], []], "[failures, unhandled errors]");
  },
  async a_deciding_hook_that_fails_rejects_only_its_request() {
    for (const hook of deciding) {
      const make = (conduct, options) => ({ options: { ...options, ...retrying, fetch: busy, hooks: { [hook]: conduct } }, send: (client) => client.fetch(URL_A), check: mustReject });
      const { everything, limits, nothing } = clientOptions;
      await survive(pairs(conducts, { everything, limits, nothing }, make)).catch((error) => assert(false, `${hook} ${error.message}`));
      const exact = ({ status, reason }) => (status === "rejected" && isHostile(reason) ? undefined : "it must reject with the error of the hook");
      const { throws, rejects, "throws later": later } = conducts;
      const certain = pairs({ throws, rejects, later }, { nothing }, (conduct, options) => ({ ...make(conduct, options), check: exact }));
      await survive(certain).catch((error) => assert(false, `${hook} ${error.message}`));
    }
  },
  async a_deciding_hook_that_returns_a_hostile_value_fails_only_its_request() {
    for (const hook of deciding) {
      const { everything, limits, nothing, progress } = clientOptions;
      const make = (conduct, options) => ({ options: { ...options, ...retrying, fetch: busy, hooks: { [hook]: conduct } }, send: (client) => client.fetch(URL_A) });
      await survive(pairs(returns, { everything, limits, nothing, progress }, make)).catch((error) => assert(false, `${hook} ${error.message}`));
    }
  },
  async a_predicate_that_is_hostile_fails_only_its_request() {
    const make = (conduct, transport) => ({ options: { fetch: transport, retry: { attempts: 2, baseDelay: 0, when: conduct } }, send: (client) => client.fetch(URL_A) });
    await survive(pairs({ ...conducts, ...returns }, { busy, failingTransport }, make));
    const { throws, rejects } = conducts;
    await survive(pairs({ throws, rejects }, { busy, failingTransport }, (conduct, transport) => ({ ...make(conduct, transport), check: mustBeHostile })));
  },
  async a_hook_that_is_only_told_changes_nothing() {
    const isTypeError = ({ status, reason }) => (status === "rejected" && reason instanceof TypeError && reason.message === "no" ? undefined : "it must reject with the transport's error");
    await survive(
      pairs({ ...conducts, ...returns }, { nothing: {}, limits: { timeout: LIMITS }, retry: retrying }, (conduct, options) => ({
        options: { ...options, fetch: failingTransport, hooks: { onError: conduct } },
        send: (client) => client.fetch(URL_A),
        check: isTypeError,
      })),
    );
  },
  async progress_and_observers_change_nothing() {
    for (const callback of ["onDownloadProgress", "onUploadProgress", "observe"]) {
      const make = (conduct, options) => ({
        options: { ...options, fetch: answer, ...(callback !== "observe" && { [callback]: conduct }) },
        send(client) {
          if (callback === "observe") client.observe(conduct);
          return client.post(URL_A, { body: "hello" }).text();
        },
        check: mustAnswer,
      });
      await survive(pairs({ ...conducts, ...returns }, { nothing: {}, limits: { timeout: LIMITS }, retry: retrying }, make)).catch((error) => assert(false, `${callback} ${error.message}`));
    }
  },
  async an_observer_that_throws_ends_no_step_of_other_clients() {
    const client = new Client({ maxActive: 1, fetch: answer, timeout: LIMITS });
    const stages = [];
    for (const conduct of Object.values({ ...conducts, ...returns })) client.observe(conduct);
    client.observe(({ id, stage }) => stages.push(`${id} ${stage}`));
    const texts = await within(Promise.all([1, 2, 3].map(() => client.get(URL_A).text())), "the requests");
    equal(texts, ["hello", "hello", "hello"]);
    for (const id of [1, 2, 3]) assert(stages.includes(`${id} started`) && stages.includes(`${id} head`), stages.join());
    const aborted = client.fetch(URL_A, { signal: AbortSignal.abort() }).then(() => undefined, () => undefined);
    client.pause();
    const cleared = client.fetch(URL_A).then(() => undefined, ({ code }) => code);
    client.clear();
    equal(await within(Promise.all([aborted, cleared]), "the ended requests"), [undefined, "CLEARED"]);
    client.close({ now: true });
    equal(counts(client), { active: 0, queued: 0 });
  },
};
