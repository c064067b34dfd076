/** Signals that many requests share, and rejections with values that are not objects. */
import { Client } from "waterspout";
import { assert, counts, equal, rejection } from "./support.mjs";
import { each, holding, quiet, silent, turn, until, within } from "./stubs.mjs";

const URL_A = "http://127.0.0.1:1/a";

/** The number of requests that share a signal. */
const MANY = 1_000;

/** Requests with the signal of a controller, by what else they have. */
const manyRequests = {
  "a header": [{}, { headers: { "x-a": "1" } }],
  "nothing else": [{}, {}],
  "a body": [{}, { method: "POST", body: "hello" }],
  "a header and limits": [{ timeout: { queue: 60_000, head: 60_000, request: 60_000, total: 60_000 } }, { headers: { "x-a": "1" } }],
  "a header and retry": [{ retry: 3 }, { headers: { "x-a": "1" } }],
  "a header and hooks": [{ hooks: { beforeRequest: () => undefined } }, { headers: { "x-a": "1" } }],
  "a header and status errors": [{ throwHttpErrors: true }, { headers: { "x-a": "1" } }],
  "a header and a limit of the origin": [{ maxActivePerOrigin: 2 }, { headers: { "x-a": "1" } }],
};

/** Returns a transport that answers at once. Without a limit of the body, a client need not notice the end of a body. */
const answering = ({ timeout }) => async () => (timeout ? new Response("hello") : new Response(null, { status: 204 }));

/** Returns a controller and the numbers of calls that add and remove listeners of its signal. */
function countingListeners() {
  const controller = new AbortController();
  const calls = { added: 0, removed: 0, present: new Set() };
  const { signal } = controller;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (type, listener, ...rest) => {
    calls.added++;
    calls.present.add(listener);
    return addEventListener.call(signal, type, listener, ...rest);
  };
  signal.removeEventListener = (type, listener, ...rest) => {
    calls.removed++;
    calls.present.delete(listener);
    return removeEventListener.call(signal, type, listener, ...rest);
  };
  return { controller, calls };
}

/** Values that are no errors, and that a check for truth takes for nothing. */
const nothings = { undefined, null: null, 0: 0, NaN, "an empty text": "", false: false };

/** Ways in which a transport fails with a value. */
const failing = {
  "a promise that rejects": (value) => () => Promise.reject(value),
  "a promise that rejects later": (value) => () => turn().then(() => { throw value; }),
  "an exception": (value) => () => { throw value; },
};

const clientOptions = {
  none: {},
  limits: { timeout: { queue: 60_000, head: 60_000, idle: 60_000, request: 60_000, total: 60_000 } },
  retry: { retry: { attempts: 3, baseDelay: 0 } },
  "a predicate": { retry: { attempts: 3, baseDelay: 0, when: () => true } },
  hooks: { hooks: { beforeRequest: () => undefined, afterResponse: () => undefined } },
  "status errors and progress": { throwHttpErrors: true, onDownloadProgress: () => undefined },
  "a limit of the origin": { maxActivePerOrigin: 1 },
};

/** Returns the value that a promise rejects with, in an array. */
async function rejected(promise) {
  let result;
  try {
    result = await within(promise, "the request");
  } catch (error) {
    return [error];
  }
  throw new Error(`assertion failed: it should have been rejected, not ${result}`);
}

function same([found], expected, what) {
  assert(Object.is(found, expected), `${what} is ${String(found)}, not ${String(expected)}`);
}

/** Calls that fail with `value` before or after the transport: each returns options of the client and of the request. */
const failingCallbacks = {
  beforeRequest: (value) => ({ hooks: { beforeRequest: () => Promise.reject(value) } }),
  "beforeRequest, by an exception": (value) => ({ hooks: { beforeRequest: () => { throw value; } } }),
  afterResponse: (value) => ({ hooks: { afterResponse: () => Promise.reject(value) } }),
  "afterResponse, by an exception": (value) => ({ hooks: { afterResponse: () => { throw value; } } }),
  beforeRetry: (value) => ({ retry: { attempts: 2, baseDelay: 0 }, hooks: { beforeRetry: () => Promise.reject(value) } }),
  "retry.when": (value) => ({ retry: { attempts: 2, when: () => { throw value; } } }),
};

/** States of a request in which it is aborted: options of the client, and its transport. */
const abortedStates = {
  queued: { maxActive: 1, isSecond: true },
  "queued, with limits": { maxActive: 1, isSecond: true, timeout: { queue: 60_000, total: 60_000 } },
  running: {},
  "running, with limits": { timeout: 60_000 },
  "running, with retry": { retry: 3 },
  "waiting before another attempt": { fetch: async () => new Response(null, { status: 503 }), retry: { attempts: 2, baseDelay: 1e9, maxDelay: 1e9, when: () => true } },
  "in a hook": { hooks: { beforeRequest: () => new Promise(() => {}) } },
};

export const signals = {
  async many_waiting_requests_with_a_signal_share_a_listener() {
    await each(manyRequests, async ([options, init]) => {
      const { controller, calls } = countingListeners();
      const transport = holding();
      const client = new Client({ maxActive: 1, fetch: transport.fetch, ...options });
      client.pause();
      const requests = Array.from({ length: MANY }, () => quiet(client.fetch(URL_A, { ...init, signal: controller.signal })));
      equal([counts(client), calls.added, calls.present.size], [{ active: 0, queued: MANY }, 1, 1], "[counts, calls of addEventListener, listeners]");
      controller.abort("enough");
      for (const { reason } of await within(Promise.allSettled(requests), "the aborted requests")) assert(reason === "enough", String(reason));
      await turn();
      equal([counts(client), calls.added, calls.present.size], [{ active: 0, queued: 0 }, 1, 0], "the same after the abort");
    });
  },
  async many_requests_leave_no_listener_on_their_signal() {
    await each(manyRequests, async ([options, init]) => {
      const { controller, calls } = countingListeners();
      const client = new Client({ maxActive: 10, fetch: answering(options), ...options });
      const requests = Array.from({ length: MANY }, () => client.fetch(URL_A, { ...init, signal: controller.signal }).then((response) => response.text()));
      await Promise.all(requests);
      await turn();
      assert(calls.added <= 2, `${calls.added} calls of addEventListener`);
      equal([calls.present.size, calls.removed], [0, calls.added], "[listeners, calls of removeEventListener]");
    });
  },
  async requests_after_each_other_keep_no_listener_on_their_signal() {
    await each(manyRequests, async ([options, init]) => {
      const { controller, calls } = countingListeners();
      const client = new Client({ fetch: answering(options), ...options });
      for (let request = 0; request < 20; request++) {
        await (await client.fetch(URL_A, { ...init, signal: controller.signal })).text();
        await turn();
        equal(calls.present.size, 0, `listeners after request ${request}`);
      }
      assert(calls.added <= 20, `${calls.added} calls of addEventListener`);
    });
  },
  async a_rejection_without_an_error_is_passed_on() {
    for (const [option, options] of Object.entries(clientOptions)) {
      await each(nothings, async (value, name) => {
        for (const [way, fail] of Object.entries(failing)) {
          const client = new Client({ maxActive: 1, ...options, fetch: fail(value) });
          const what = `the rejection with ${name} by ${way}, with the option ${option},`;
          same(await rejected(client.fetch(URL_A)), value, what);
          same(await rejected(client.get(URL_A)), value, what);
          same(await rejected(client.get(URL_A).text()), value, what);
          const pair = await Promise.all([1, 2].map(() => rejected(client.fetch(URL_A))));
          for (const found of pair) same(found, value, what);
          equal(counts(client), { active: 0, queued: 0 }, what);
        }
      });
    }
  },
  async a_rejection_without_an_error_reaches_predicates_hooks_and_observers() {
    await each(nothings, async (value) => {
      const seen = [];
      const when = (context) => (seen.push(["when", context.error, "response" in context && context.response !== undefined]), true);
      const hooks = { onError: ({ error }) => void seen.push(["onError", error, false]), beforeRetry: ({ error }) => void seen.push(["beforeRetry", error, false]) };
      const client = new Client({ fetch: () => Promise.reject(value), retry: { attempts: 2, baseDelay: 0, when }, hooks });
      const stages = [];
      client.observe(({ stage, error }) => stages.push([stage, error]));
      same(await rejected(client.fetch(URL_A)), value, "the rejection");
      await turn();
      equal(seen.map(([name]) => name).sort(), ["beforeRetry", "onError", "when"], "callbacks");
      for (const [name, found, hasResponse] of seen) assert(Object.is(found, value) && !hasResponse, `${name} got ${String(found)}`);
      equal(stages.map(([stage]) => stage), ["started", "waiting", "started", "failed"]);
      same([stages.at(-1)[1]], value, "the observers' error");
    });
  },
  async a_callback_that_fails_without_an_error_passes_its_value_on() {
    for (const [callback, make] of Object.entries(failingCallbacks)) {
      await each(nothings, async (value, name) => {
        const client = new Client({ maxActive: 1, fetch: async () => new Response(null, { status: 503 }), ...make(value) });
        const outcomes = await Promise.all([1, 2].map(() => rejected(client.fetch(URL_A))));
        for (const found of outcomes) same(found, value, `the rejection with ${name} by ${callback}`);
        equal(counts(client), { active: 0, queued: 0 });
      });
    }
  },
  async a_body_function_that_fails_without_an_error_passes_its_value_on() {
    await each(nothings, async (value) => {
      const client = new Client({ fetch: async () => new Response("hello") });
      const fail = () => { throw value; };
      same(await rejected(client.fetch(URL_A, { method: "POST", body: fail })), value, "the rejection of fetch");
      same(await rejected(client.post(URL_A, { body: fail })), value, "the rejection of post");
      equal(counts(client), { active: 0, queued: 0 });
    });
  },
  async an_abort_without_an_error_passes_its_reason_on() {
    for (const [state, { isSecond, ...options }] of Object.entries(abortedStates)) {
      await each(nothings, async (value, name) => {
        const client = new Client({ fetch: silent, ...options });
        const [first, controller] = [new AbortController(), new AbortController()];
        if (isSecond) quiet(client.fetch(URL_A, { signal: first.signal }));
        const aborted = rejected(client.fetch(URL_A, { signal: controller.signal }));
        await turn();
        controller.abort(value);
        const [found] = await aborted;
        // The standard replaces the reason undefined by an AbortError.
        if (value === undefined) equal(found.name, "AbortError");
        else same([found], value, `the reason ${name}, ${state},`);
        first.abort();
        await until(() => client.stats().active === 0, "the end of the requests");
        equal(counts(client), { active: 0, queued: 0 });
      });
    }
  },
  async a_signal_aborted_before_passes_its_reason_on() {
    await each({ null: null, 0: 0, "an empty text": "", false: false }, async (value) => {
      for (const options of Object.values(clientOptions)) {
        const client = new Client({ ...options, fetch: () => assert(false, "it is not called") });
        same(await rejected(client.fetch(URL_A, { signal: AbortSignal.abort(value) })), value, "the rejection");
      }
    });
  },
  async a_body_that_fails_without_an_error_passes_its_value_on() {
    for (const [option, options] of Object.entries(clientOptions)) {
      await each(nothings, async (value, name) => {
        const fails = async () => new Response(new ReadableStream({ pull: (body) => body.error(value) }));
        const { body } = await new Client({ ...options, fetch: fails }).fetch(URL_A);
        same(await rejected(body.getReader().read()), value, `the body's error ${name} with the option ${option}`);
      });
    }
  },
  async a_closed_client_rejects_what_a_transport_never_answers() {
    const client = new Client({ maxActive: 1, fetch: () => new Promise(() => {}) });
    const requests = [1, 2].map(() => rejection(client.fetch(URL_A)));
    client.close({ now: true });
    for (const error of await within(Promise.all(requests), "the requests")) equal(error.code, "CLOSED");
  },
};
