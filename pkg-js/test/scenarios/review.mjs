/** Ends, races and surroundings that leave requests, slots or limits in a wrong state. */
import { Client } from "waterspout";
import { eventsOf } from "waterspout/events";
import { Client as SlimClient } from "waterspout/slim";
import { whileReplaced, withFakes, within } from "./stubs.mjs";
import { assert, counts, deferred, equal, isPending, NOWHERE, openResponse, rejection, sleep, transport, turns, withGlobalFetch } from "./support.mjs";

const FREE = { active: 0, queued: 0 };

/** What ends a request whose body is being read: the options of the call, what the caller does, and the name of the error. */
const ENDS = {
  request: [{ waterspout: { timeout: { request: 30 } } }, () => undefined, "TimeoutError"],
  total: [{ waterspout: { timeout: { total: 30 } } }, () => undefined, "TimeoutError"],
  abort: [{}, ({ controller }) => controller.abort(new RangeError("stop")), "RangeError"],
  close: [{}, ({ client }) => void client.close({ now: true }), "WaterspoutError"],
};

/** How a body is read: from the promise of a shortcut, or from its response. */
const READS = {
  text_of_the_promise: (promise) => promise.text(),
  bytes_of_the_promise: (promise) => promise.bytes(),
  text_of_the_response: async (promise) => (await promise).text(),
  text_of_a_clone: async (promise) => (await promise).clone().text(),
  reader_of_the_body: async (promise) => (await promise).body.getReader().read(),
  response_of_the_body: async (promise) => new Response((await promise).body).text(),
};

/** Returns the name of the error that a read ends with. The text of some engines has an error of its own for a stream that fails. */
async function shownBy(name, error) {
  if (name !== "response_of_the_body") return error;
  const failed = new ReadableStream({ pull: (body) => body.error(new RangeError("stop")) }, { highWaterMark: 0 });
  const shown = (await rejection(new Response(failed).text())).name;
  return shown === "RangeError" ? error : shown;
}

/** Returns a transport whose bodies end only if the scenario says so. They ignore the signal. */
function open(init) {
  const opened = [];
  const fetch = transport(() => {
    opened.push(openResponse(init));
    return opened.at(-1).response;
  });
  return { fetch, opened };
}

export const review = {
  async a_read_ends_with_its_request_though_the_body_ignores_the_signal() {
    for (const [end, [options, act, error]] of Object.entries(ENDS)) {
      for (const [name, read] of Object.entries(READS)) {
        const controller = new AbortController();
        const client = new Client({ maxActive: 1, fetch: open().fetch });
        const reading = rejection(read(client.get(NOWHERE, { signal: controller.signal, ...options })));
        await turns();
        act({ controller, client });
        equal((await within(reading, `${name} after ${end}`, 500)).name, await shownBy(name, error), `${name} after ${end}`);
        equal(counts(client), FREE, `${name} after ${end}`);
      }
    }
  },
  async a_read_that_begins_after_the_end_fails_though_the_body_ignores_the_signal() {
    for (const [name, read] of Object.entries(READS)) {
      const controller = new AbortController();
      const client = new Client({ fetch: open().fetch });
      const response = await client.get(NOWHERE, { signal: controller.signal });
      controller.abort(new RangeError("stop"));
      const shown = Object.assign(Promise.resolve(response), { text: () => response.text(), bytes: () => response.arrayBuffer() });
      equal((await within(rejection(read(shown)), name, 500)).name, await shownBy(name, "RangeError"), name);
    }
  },
  async a_status_error_comes_though_its_body_ignores_the_signal() {
    for (const [end, [options, act, error]] of Object.entries(ENDS)) {
      const controller = new AbortController();
      const client = new Client({ maxActive: 1, throwHttpErrors: true, fetch: open({ status: 404 }).fetch });
      const failed = rejection(client.fetch(NOWHERE, { signal: controller.signal, ...options }));
      await turns();
      act({ controller, client });
      const { name } = await within(failed, `the error after ${end}`, 500);
      equal(name, error === "TimeoutError" ? "WaterspoutError" : error, end);
      equal(counts(client), FREE, end);
    }
  },
  async an_abort_reaches_the_body_of_an_outcome_that_before_retry_made_final() {
    for (const slot of ["head", "body"]) {
      const controller = new AbortController();
      const fetch = transport(({ signal }) => openResponse({ signal, status: 503 }).response);
      const client = new Client({ fetch, slot, retry: { attempts: 3, baseDelay: 0 }, hooks: { beforeRetry: () => false } });
      const response = await client.fetch(NOWHERE, { signal: controller.signal });
      // A reader: `text()` of some engines has an error of its own for a stream that fails.
      const read = rejection(response.body.getReader().read());
      await turns();
      controller.abort(new RangeError("stop"));
      equal((await within(read, "the body", 500)).name, "RangeError", slot);
      assert(fetch.sent[0].signal.aborted, "the sent request is aborted");
    }
  },
  async a_hook_that_throws_before_a_retry_ends_the_response_at_hand() {
    const hooks = { beforeRetry: () => { throw new RangeError("hook"); } };
    const fetch = transport(({ signal }) => openResponse({ signal, status: 503 }).response);
    const client = new Client({ fetch, retry: { attempts: 3, baseDelay: 0 }, hooks });
    equal((await rejection(client.fetch(NOWHERE))).name, "RangeError");
    assert(fetch.sent[0].signal.aborted, "the sent request is aborted");
  },
  async an_abort_reaches_a_request_that_a_hook_made() {
    for (const own of [true, false]) {
      const stops = { abort: (controller) => controller.abort(), own: (_, mine) => mine.abort(), limit: () => undefined };
      for (const [name, stop] of Object.entries(stops)) {
        const [controller, mine] = [new AbortController(), new AbortController()];
        let sent;
        const send = (input, init) => {
          sent = new Request(input, init);
          return new Promise((_, reject) => sent.signal.addEventListener("abort", () => reject(sent.signal.reason)));
        };
        await withGlobalFetch(send, async () => {
          const hooks = { beforeRequest: () => new Request("http://b.test/", { method: "POST", body: "b", signal: mine.signal }) };
          const client = new Client({ ...(own ? { fetch: send } : {}), hooks, timeout: name === "limit" ? 30 : 0 });
          const failed = rejection(client.fetch(NOWHERE, { signal: controller.signal }));
          await turns();
          stop(controller, mine);
          await within(failed, `the request after ${name}`, 500);
          await turns();
          equal([sent.url, sent.signal.aborted], ["http://b.test/", true], `${name}, own fetch: ${own}`);
        });
      }
    }
  },
  async a_dead_attempt_sends_nothing_and_calls_no_hook() {
    for (const own of [true, false]) {
      const gate = deferred();
      const sent = [];
      const send = async (input, init) => (sent.push(init?.signal ?? input.signal), new Response("hello"));
      await withGlobalFetch(send, async () => {
        let calls = 0;
        const after = [];
        const hooks = { beforeRequest: () => (calls++ ? undefined : gate.promise), afterResponse: ({ attempt }) => void after.push(attempt) };
        const client = new Client({ ...(own ? { fetch: send } : {}), hooks, timeout: { head: 20 }, retry: { attempts: 2, baseDelay: 0 } });
        equal(await (await client.fetch(NOWHERE)).text(), "hello");
        gate.resolve();
        await turns();
        equal([sent.length, after], [1, [2]], `own fetch: ${own}`);
      });
    }
  },
  async a_late_response_of_a_request_that_has_ended_reaches_no_hook() {
    const gate = deferred();
    const controller = new AbortController();
    const { fetch, opened } = open();
    const after = [];
    const client = new Client({ fetch: async (...call) => (await gate.promise, fetch(...call)), hooks: { afterResponse: () => void after.push(1) } });
    const failed = rejection(client.fetch(NOWHERE, { signal: controller.signal }));
    await turns();
    controller.abort();
    await failed;
    // Like a transport that ignores signals.
    fetch.sent.length = 0;
    gate.resolve();
    await turns();
    equal([after.length, opened.every(({ cancelled }) => cancelled)], [0, true]);
  },
  async a_late_body_of_a_dead_attempt_changes_no_further_attempt() {
    const gates = [deferred(), deferred()];
    const hold = deferred();
    const made = ["late", "second"];
    let bodies = 0;
    const fetch = async (input, init) => new Response(await new Request(input, init).text());
    const call = async (own) => {
      bodies = 0;
      let waits = 0;
      const hooks = { beforeRequest: () => (waits++, hold.promise) };
      const client = new Client({ ...(own ? { fetch } : {}), hooks, timeout: { head: 300 }, retry: { attempts: 2, baseDelay: 0, methods: ["POST"] } });
      const body = () => (bodies++ ? made[1] : gates[0].promise);
      const response = client.fetch(NOWHERE, { method: "POST", body });
      while (waits < 1) await sleep(1);
      gates[0].resolve(made[0]);
      await turns();
      hold.resolve();
      return (await within(response, "the response")).text();
    };
    await withGlobalFetch(fetch, async () => equal(await call(false), "second"));
  },
  async limits_hold_though_all_objects_have_a_further_member() {
    // Under lockdown no object has a further member.
    if (Object.isFrozen(Object.prototype)) return;
    for (const value of [5, "text", () => undefined]) {
      Object.prototype.polluted = value;
      try {
        const slow = async () => (await sleep(20), new Response("hello"));
        const client = new Client({ fetch: slow, timeout: { request: 10_000, head: 5_000 } });
        equal(await client.get(NOWHERE).text(), "hello", typeof value);
        const silent = new Client({ fetch: () => new Promise(() => undefined), timeout: 30 });
        equal((await within(rejection(silent.get(NOWHERE)), "the request", 500)).message.includes("`request`"), true, typeof value);
      } finally {
        delete Object.prototype.polluted;
      }
    }
  },
  async errors_stay_the_same_whatever_stacks_are() {
    // Under lockdown these members cannot be replaced.
    if (Object.isFrozen(Error)) return;
    const traces = { sites: (_, sites) => sites, nothing: () => undefined, throwing: () => { throw new RangeError("trace"); } };
    const check = async (name) => {
      const client = new Client({ throwHttpErrors: true, fetch: transport(() => new Response("no", { status: 404 })) });
      equal((await rejection(client.get(NOWHERE))).code, "STATUS", name);
      const silent = new Client({ fetch: () => new Promise(() => undefined) });
      const pending = [1, 2].map(() => rejection(silent.get(NOWHERE)));
      await turns();
      await within(silent.close({ now: true }), name);
      equal((await Promise.all(pending)).map(({ code }) => code), ["CLOSED", "CLOSED"], name);
      equal((await rejection(silent.get(NOWHERE))).code, "CLOSED", name);
    };
    for (const [name, trace] of Object.entries(traces)) await whileReplaced(Error, { prepareStackTrace: trace }, () => check(name));
    await whileReplaced(Error, { stackTraceLimit: 0 }, async () => {
      const client = new Client({ throwHttpErrors: true, fetch: transport(() => new Response("no", { status: 404 })) });
      assert(!/\nError$/.test((await rejection(client.get(NOWHERE))).stack ?? ""), "the stack has no empty part");
    });
  },
  async a_fallback_that_holds_a_body_is_counted() {
    const { fetch, opened } = open();
    const client = new SlimClient({ fallback: fetch });
    await withGlobalFetch(fetch, async () => {
      const response = await client.get(NOWHERE);
      client.stats();
      opened[0].end();
      await response.text();
    });
    equal(client.stats().origins, []);
  },
  async a_queue_that_is_cleared_starts_no_request() {
    const fetch = transport();
    const client = new Client({ fetch, rateLimit: { requests: 1, per: 20, burst: 1 } });
    await withFakes((start, time) => start + time, async (timers) => {
      await client.fetch(NOWHERE);
      const waiting = [1, 2, 3].map(() => client.fetch(NOWHERE).then(() => "sent", ({ code }) => code));
      // The rate allows further requests, and the timer that starts them has not fired.
      timers.time += 70;
      equal(client.clear(), 3);
      equal(await Promise.all(waiting), ["CLEARED", "CLEARED", "CLEARED"]);
    });
    equal([fetch.sent.length, counts(client)], [1, FREE]);
  },
  async the_last_request_that_waits_for_a_rate_leaves_no_timer() {
    const ends = { abort: (_, controller) => controller.abort(), clear: (client) => client.clear(), close: (client) => client.close({ now: true }) };
    for (const [name, end] of Object.entries(ends)) {
      const { setTimeout: set, clearTimeout: clear } = globalThis;
      const running = new Set();
      const started = (act, delay) => {
        const timer = set(() => (running.delete(timer), act()), delay);
        running.add(timer);
        return timer;
      };
      const controller = new AbortController();
      const client = new Client({ fetch: transport(), rateLimit: { requests: 1, per: 60_000 } });
      await client.fetch(NOWHERE);
      await whileReplaced(globalThis, { setTimeout: started, clearTimeout: (timer) => (running.delete(timer), clear(timer)) }, async () => {
        const failed = rejection(client.fetch(NOWHERE, { signal: controller.signal }));
        end(client, controller);
        await failed;
        equal(running.size, 0, `timers after ${name}`);
      });
    }
  },
  async an_abort_right_after_the_wait_before_a_retry_takes_no_slot() {
    const timers = [];
    const fetch = transport(() => new Response(null, { status: 503 }));
    const client = new Client({ maxActive: 1, fetch, retry: { attempts: 3, baseDelay: 0, when: () => 20 } });
    const controller = new AbortController();
    const { setTimeout } = globalThis;
    globalThis.setTimeout = (act) => timers.push(act);
    const failed = rejection(client.fetch(NOWHERE, { signal: controller.signal }));
    for (let turn = 0; turn < 50; turn++) await null;
    globalThis.setTimeout = setTimeout;
    // Faked timers run several callbacks in the same turn.
    equal(timers.length, 1, "timers");
    await sleep(25);
    timers[0]();
    controller.abort();
    await failed;
    await turns();
    equal([counts(client), fetch.sent.length], [FREE, 1]);
  },
  async a_request_that_ends_while_others_are_checked_takes_no_slot() {
    const controller = new AbortController();
    const client = new Client({ maxActive: 1, maxQueued: 0, fetch: () => new Promise(() => undefined) });
    // The timer of the first request never fires, so its limit is checked when the queue is full.
    const { setTimeout } = globalThis;
    globalThis.setTimeout = () => 0;
    const first = rejection(client.fetch(NOWHERE, { waterspout: { timeout: 10 } }));
    globalThis.setTimeout = setTimeout;
    await sleep(20);
    const steps = [];
    client.observe(({ id, stage }) => (steps.push(`${id} ${stage}`), stage === "failed" && controller.abort()));
    const second = rejection(client.fetch(NOWHERE, { signal: controller.signal }));
    await within(Promise.all([first, second]), "both requests", 500);
    equal([counts(client), steps], [FREE, ["1 failed", "2 cancelled"]]);
  },
  async a_second_read_leaves_the_slot_to_the_first() {
    for (const later of [false, true]) {
      const { fetch, opened } = open();
      const client = new Client({ maxActive: 1, fetch });
      const promise = client.get(NOWHERE);
      if (later) await promise;
      const first = promise.text();
      equal((await rejection(promise.text())).name, "TypeError");
      equal(counts(client), { active: 1, queued: 0 });
      opened[0].end("hello");
      equal(await first, "hello");
      equal(counts(client), FREE);
    }
  },
  async the_cancel_of_a_clone_leaves_the_slot_to_the_response() {
    for (const which of ["clone", "response"]) {
      const { fetch, opened } = open();
      const client = new Client({ maxActive: 1, fetch });
      const response = await client.get(NOWHERE);
      const clone = response.clone();
      const [cancelled, read] = which === "clone" ? [clone, response] : [response, clone];
      void cancelled.body.cancel();
      const text = read.text();
      await turns();
      equal(counts(client), { active: 1, queued: 0 }, which);
      opened[0].end("hello");
      equal(await text, "hello");
      equal(counts(client), FREE, which);
    }
  },
  async the_request_of_a_status_error_can_be_sent_again() {
    for (const options of [{}, { headers: { a: "b" } }, { hooks: { beforeRequest: () => undefined } }]) {
      let status = 404;
      await withGlobalFetch(async (input, init) => (new Request(input, init).signal.throwIfAborted(), new Response("x", { status })), async () => {
        const client = new Client({ throwHttpErrors: true, ...options });
        const { request } = await rejection(client.get(NOWHERE));
        equal((await rejection(client.fetch(request))).code, "STATUS", "it passes through the client");
        status = 200;
        equal((await client.fetch(request)).status, 200);
      });
    }
  },
  async an_error_hook_may_send_a_request() {
    const told = [];
    const fetch = async (url, { signal, body }) => {
      signal?.throwIfAborted();
      if (!String(url).endsWith("/log")) throw new TypeError("network");
      return void told.push(body), new Response("ok");
    };
    const onError = async ({ error, fetch: send }) => void (await send("http://a.test/log", { method: "POST", body: error.message }));
    await rejection(new Client({ fetch, hooks: { onError } }).fetch(NOWHERE));
    await turns();
    equal(told, ["network"]);
  },
  async an_error_hook_is_called_for_a_relative_url() {
    const called = [];
    const fetch = async () => { throw new TypeError("network"); };
    const client = new Client({ fetch, hooks: { onError: ({ error }) => void called.push(error.message) } });
    await rejection(client.fetch("/relative"));
    await turns();
    equal(called, ["network"]);
  },
  async a_wrapper_that_builds_a_request_does_not_recurse() {
    const platform = globalThis.fetch;
    let sent = 0;
    globalThis.fetch = async () => (sent++, new Response("hello"));
    try {
      const client = new Client({ maxActive: 1 });
      globalThis.fetch = client.fetch;
      globalThis.fetch = (...call) => client.fetch(new Request(...call));
      equal(await (await within(client.fetch(NOWHERE), "the response", 500)).text(), "hello");
      equal([sent, counts(client)], [1, FREE]);
    } finally {
      globalThis.fetch = platform;
    }
  },
  async events_call_fetch_on_its_object() {
    const { events } = await import("waterspout/events");
    const through = { text: "data: a\n\n", async fetch() { return new Response(this.text, { headers: { "content-type": "text/event-stream" } }); } };
    for await (const { data } of events(through, NOWHERE, { reconnect: false })) equal(data, "a");
  },
  async a_body_that_is_no_stream_of_the_platform_stays_as_it_is() {
    // Like a Response of the package node-fetch.
    const body = { async *[Symbol.asyncIterator]() { yield "hello"; } };
    const given = { status: 200, headers: new Headers(), body, text: async () => "hello" };
    for (const options of [{ onDownloadProgress: () => undefined }, { timeout: { idle: 1000 } }]) {
      const response = await new Client({ fetch: async () => given, ...options }).fetch(NOWHERE);
      equal([response.body === body, await response.text()], [true, "hello"]);
    }
  },
  async events_of_a_shortcut_free_its_slot() {
    const { fetch, opened } = open({ headers: { "content-type": "text/event-stream" } });
    const client = new Client({ maxActive: 1, fetch });
    const found = [];
    const reading = (async () => {
      for await (const { data } of eventsOf(await client.get(NOWHERE))) found.push(data);
    })();
    await turns();
    opened[0].send("data: a\n\n");
    await turns();
    equal([found, counts(client).active], [["a"], 1]);
    void client.close({ now: true });
    equal((await within(rejection(reading), "the events", 500)).code, "CLOSED");
    equal(counts(client), FREE);
  },
};
