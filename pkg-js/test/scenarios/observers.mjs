/** What the observers of a client get. */
import { Client, isTimeoutError, isWaterspoutError } from "waterspout";
import { ENDINGS } from "./slots.mjs";
import { assert, counts, equal, NOWHERE, openResponse, rejection, sleep, transport, turns } from "./support.mjs";

/** The last step of a request whose caller ends the body in another way than by reading it. */
const LAST_STEPS = {
  cancels_it: "cancelled",
  cancels_its_reader: "cancelled",
  meets_an_error: "failed",
  meets_an_error_in_a_reader: "failed",
};

/** The calls that differ in what the client does with the body. */
const CALLS = {
  fetch: (client) => client.fetch(NOWHERE),
  "fetch with a slot for the body": (client) => client.fetch(NOWHERE, { waterspout: { slot: "body" } }),
  "fetch with limits": (client) => client.fetch(NOWHERE, { waterspout: { timeout: 60_000 } }),
  "fetch with progress": (client) => client.fetch(NOWHERE, { waterspout: { onDownloadProgress: () => undefined } }),
  "fetch with a signal": (client) => client.fetch(NOWHERE, { signal: new AbortController().signal }),
  "a shortcut": (client) => client.get(NOWHERE),
};

/** What ends the body of a response while a caller reads it, the last step, and whether an error is that of the step. */
const INTERRUPTIONS = {
  "an abort": [({ controller }) => controller.abort("enough"), "cancelled", (error) => error === "enough"],
  "a limit": [() => undefined, "failed", isTimeoutError, { timeout: 30 }],
  "a limit for each piece": [() => undefined, "failed", isTimeoutError, { timeout: { idle: 30 } }],
  "a closed client": [({ client }) => client.close({ now: true }), "failed", (error) => isWaterspoutError(error, "CLOSED"), { slot: "body" }],
};

/** What a function for the option `fetch` may return whose end cannot be seen. */
const UNSEEN = {
  "no body": () => new Response(null),
  "a status without a body": () => new Response(null, { status: 204 }),
  "an empty body": () => new Response("", { headers: { "content-length": "0" } }),
  "an opaque response": () => Object.defineProperty(new Response("hello"), "type", { value: "opaque" }),
  "a frozen object": () => Object.freeze({ status: 200, body: {}, text: async () => "hello" }),
};

const thrown = () => {
  throw new SyntaxError("no");
};

/** Responses and calls for which an observer must change nothing. */
const ODD = {
  "a body that throws": [() => ({ status: 200, get body() { return thrown(); }, text: async () => "hi" })],
  "a type that throws": [() => ({ status: 200, get type() { return thrown(); }, text: async () => "hi" })],
  "a method that throws": [() => new Response("hi"), { method: { toString: thrown } }],
  "a text that is no promise": [() => ({ status: 200, body: {}, text: () => "hi" })],
  "a copy that is nothing": [() => ({ status: 200, body: {}, text: async () => "hi", clone: () => undefined })],
  "a text with an argument": [() => ({ status: 200, body: {}, text: async (encoding) => encoding })],
  "a piece that is nothing": [() => new Response(new ReadableStream({ start: (controller) => (controller.enqueue(null), controller.close()) }))],
  "a body of another kind": [() => ({ status: 200, body: { async *[Symbol.asyncIterator]() { yield "hi"; } }, text: async () => "hi" })],
};

/** Ways to read a response. */
const READS = {
  text: (response) => response.text("latin1"),
  body: async (response) => (await response.body?.getReader?.().read())?.value,
  copy: async (response) => [await response.clone?.()?.text(), await response.text()],
  "body, then text": async (response) => (response.body?.getReader?.(), response.text()),
  "body, then copy": (response) => (response.body?.getReader?.(), typeof response.clone?.()),
  "both branches, then text": async (response) => (response.body?.tee?.(), response.text()),
  "text, then cancel": async (response) => {
    const reading = (async () => response.text())().catch(({ name }) => name);
    // WebKit cancels nothing here, and rejects or not.
    await (async () => response.body?.cancel?.())().catch(() => undefined);
    return reading;
  },
};

/** Returns a client, and the events that its observer gets. */
function observed(settings) {
  const client = new Client(settings);
  const events = [];
  client.observe((event) => events.push(event));
  return { client, events };
}

const stagesOf = (events) => events.map(({ stage }) => stage);

export const observers = {
  async observers_see_each_step(lab) {
    const client = new Client({ maxActive: 1, retry: { baseDelay: 0 } });
    const steps = [];
    const stop = client.observe((event) => steps.push(event));
    client.observe(() => { throw new Error("in an observer"); });
    const controller = new AbortController();
    const requests = [client.fetch(lab.keyed("flaky", "?fail=1")), client.get(lab.url("hello")).text(), rejection(client.fetch(lab.url("hello"), { signal: controller.signal }))];
    controller.abort();
    await Promise.all(requests);
    const of = (id) => steps.filter((step) => step.id === id).map((step) => step.stage);
    equal(of(1), ["started", "waiting", "queued", "started", "head", "done"].filter((stage) => stage !== "queued" || of(1).includes("queued")));
    equal([of(2), of(3)], [["queued", "started", "head", "done"], ["queued", "cancelled"]]);
    equal([steps[0].url, steps[0].origin, steps[0].priority], [lab.keyed("flaky", "?fail=1"), new URL(lab.base).origin, 0]);
    stop();
    const before = steps.length;
    await client.fetch(lab.url("hello"));
    equal(steps.length, before);
  },
  async observers_get_the_numbers_of_metrics() {
    let fail;
    const answer = ({ url }) => (url.endsWith("/slow") ? new Promise((_, reject) => (fail = () => reject(new TypeError("cut")))) : Promise.resolve(new Response(null, { status: 404 })));
    const client = new Client({ maxActive: 1, retry: { attempts: 2, baseDelay: 0 }, fetch: transport(answer) });
    const events = [];
    client.observe((event) => events.push(event));
    const requests = [rejection(client.fetch("http://127.0.0.1:1/slow", { waterspout: { retry: false } })), client.fetch("http://127.0.0.1:1/b", { method: "put" })];
    await sleep(30);
    fail();
    await Promise.all(requests);
    const lines = events.map(({ id, stage, method, status, error, attempts }) => [id, stage, method, status ?? error?.message, attempts]);
    equal(lines, [
      [1, "started", "GET", undefined, 1],
      [2, "queued", "PUT", undefined, 0],
      [1, "failed", "GET", "cut", 1],
      [2, "started", "PUT", undefined, 1],
      [2, "head", "PUT", 404, 1],
      [2, "done", "PUT", 404, 1],
    ]);
    const [first, waiting, , started, head] = events;
    equal([waiting.queueWait, first.queueWait < 20], [undefined, true]);
    assert(started.queueWait >= 20 && started.queueWait === started.duration, `a wait of ${started.queueWait} ms`);
    assert(head.queueWait === started.queueWait && head.duration >= started.duration, `a duration of ${head.duration} ms`);
    const retried = new Client({ retry: { attempts: 2, baseDelay: 0 }, fetch: async () => new Response(null, { status: 503 }) });
    const counts = [];
    retried.observe(({ stage, attempts }) => counts.push(stage + attempts, retried.stats().active));
    await retried.fetch("http://127.0.0.1:1/");
    equal(counts, ["started1", 1, "waiting1", 0, "started2", 1, "head2", 0, "done2", 0]);
  },
  async an_observer_that_sends_gets_a_place_of_its_own(lab) {
    const client = new Client({ maxActive: 1 });
    const more = [];
    const stop = client.observe(({ stage }) => {
      if (stage !== "head" || more.length > 2) return;
      more.push(client.get(lab.url("hello")).text());
    });
    await client.fetch(lab.url("hello"));
    while (more.length < 3) await sleep(1);
    equal([await Promise.all(more), counts(client)], [["hello", "hello", "hello"], { active: 0, queued: 0 }]);
    stop();
  },
  async the_last_step_tells_how_the_body_has_ended() {
    for (const [name, finish] of Object.entries(ENDINGS)) {
      for (const [call, send] of Object.entries(CALLS)) {
        const opened = [];
        const fetch = async () => (opened.push(openResponse({ status: 201 })), opened.at(-1).response);
        const { client, events } = observed({ fetch });
        const response = await send(client);
        equal(stagesOf(events), ["started", "head"], `before a caller of ${call} ${name}`);
        if (name !== "reads_no_json") opened[0].send("a");
        const found = await finish(response, opened[0]);
        await turns();
        const last = LAST_STEPS[name] ?? "done";
        equal(stagesOf(events), ["started", "head", last], `a caller of ${call} ${name}`);
        const { status, attempts, error, url, method } = events[2];
        equal([status, attempts, url, method], [201, 1, NOWHERE, "GET"], `a caller of ${call} ${name}`);
        assert(error === (last === "failed" ? found : undefined), `${call} ${name}: the caller has ${found}, and the observer ${error}`);
        assert(events[2].duration >= events[1].duration && events[2].queueWait === events[1].queueWait, `${call} ${name}: the numbers`);
      }
    }
  },
  async the_last_step_comes_once_and_has_the_reason() {
    for (const [name, [act, last, isExpected, waterspout]] of Object.entries(INTERRUPTIONS)) {
      for (const read of [(response) => response.text(), ({ body }) => body.getReader().read()]) {
        const controller = new AbortController();
        const { client, events } = observed({ fetch: async (_, { signal }) => openResponse({ signal }).response });
        const response = await client.fetch(NOWHERE, { signal: controller.signal, waterspout });
        const reading = rejection(read(response));
        act({ client, controller });
        const reason = await reading;
        await turns();
        equal(stagesOf(events), ["started", "head", last], name);
        const { error } = events[2];
        // Some engines replace the reason of an abort for the reader of a stream that a program has made.
        assert(isExpected(error) && (last === "cancelled" || error === reason), `${name}: the reader has ${reason}, and the observer ${error}`);
        equal(counts(client), { active: 0, queued: 0 }, name);
      }
    }
  },
  async a_request_is_done_with_the_head_if_no_end_can_be_seen(lab) {
    for (const [name, make] of Object.entries(UNSEEN)) {
      for (const waterspout of [{}, { slot: "body" }, { timeout: 60_000 }]) {
        const { client, events } = observed({ fetch: async () => make() });
        await client.fetch(NOWHERE, { waterspout });
        equal(stagesOf(events), ["started", "head", "done"], name);
      }
    }
    const { client, events } = observed();
    await client.head(lab.url("bytes/1000"));
    equal(stagesOf(events), ["started", "head", "done"]);
  },
  async the_duration_of_the_last_step_has_the_body() {
    const opened = openResponse();
    const { client, events } = observed({ fetch: async () => opened.response, maxActive: 1 });
    const active = [];
    client.observe(() => active.push(client.stats().active));
    const text = client.get(NOWHERE).text();
    await sleep(40);
    opened.end("hello");
    equal([await text, active], ["hello", [1, 1, 0]]);
    const [, head, done] = events;
    assert(done.duration >= head.duration + 20 && done.at - head.at >= 20, `durations of ${head.duration} and ${done.duration} ms`);
  },
  async a_status_that_is_an_error_is_told_with_it() {
    for (const body of [null, "no", '{"a":1}']) {
      const fetch = transport(() => new Response(body, { status: 404, headers: { "content-type": "application/json" } }));
      const { client, events } = observed({ fetch, throwHttpErrors: true });
      const error = await rejection(client.fetch(NOWHERE));
      equal([stagesOf(events), events[1].status, events[1].error === error], [["started", "failed"], 404, true]);
    }
  },
  async an_observer_that_comes_after_the_head_hears_nothing_of_the_request() {
    const client = new Client({ fetch: transport() });
    for (const response of [await client.fetch(NOWHERE), await client.get(NOWHERE)]) {
      const seen = [];
      const stop = client.observe(({ stage }) => seen.push(stage));
      equal([await response.text(), seen], ["hello", []]);
      stop();
    }
  },
  async an_observer_changes_no_body(lab) {
    const { client, events } = observed();
    const response = await client.fetch(lab.url("bytes/300000"));
    assert(response instanceof Response && response.url === lab.url("bytes/300000") && !response.bodyUsed, "the platform's own response");
    const [copy, bytes] = await Promise.all([response.clone().arrayBuffer(), response.arrayBuffer()]);
    equal([copy.byteLength, bytes.byteLength, response.bodyUsed], [300_000, 300_000, true]);
    equal(stagesOf(events), ["started", "head", "done"]);
  },
  async an_observer_changes_nothing_for_odd_responses_and_calls() {
    const outcome = async (read, make, init, observe) => {
      const client = new Client({ fetch: async () => make() });
      if (observe) client.observe(() => undefined);
      return client.fetch(NOWHERE, init).then(read).catch(({ name }) => name);
    };
    for (const [name, [make, init]] of Object.entries({ "a response": [() => new Response("hi")], ...ODD })) {
      for (const [kind, read] of Object.entries(READS)) {
        equal(await outcome(read, make, init, true), await outcome(read, make, init, false), `${name}, ${kind}`);
      }
    }
  },
  async an_observer_changes_no_error(lab) {
    const outcome = async (observe, waterspout, headers) => {
      const client = new Client();
      const stages = [];
      if (observe) client.observe(({ stage }) => stages.push(stage));
      const controller = new AbortController();
      const response = await client.fetch(lab.url("stall"), { signal: controller.signal, headers, waterspout });
      const reading = rejection(response.arrayBuffer());
      controller.abort(new RangeError("enough"));
      const { name, message } = await reading;
      const late = await rejection(response.arrayBuffer());
      return [name, message, late.name, ...(observe ? stages : ["started", "head", "cancelled"])];
    };
    for (const [waterspout, headers] of [[{}], [{}, { "x-a": "1" }], [{ slot: "body" }]]) {
      equal(await outcome(true, waterspout, headers), await outcome(false, waterspout, headers));
    }
  },
  async a_response_that_is_returned_again_and_again_stays_as_it_is() {
    const json = async () => ({ a: 1 });
    const stub = { ok: true, status: 200, body: {}, json };
    const { client, events } = observed({ fetch: async () => stub });
    for (let count = 0; count < 1_000; count++) await (await client.fetch(NOWHERE)).json();
    equal([counts(client), events.length, stub.json === json], [{ active: 0, queued: 0 }, 3_000, true]);
    // Each of the requests that share the object watches it.
    const requests = Array.from({ length: 4 }, () => client.fetch(NOWHERE, { waterspout: { slot: "body" } }));
    for (const response of await Promise.all(requests)) await response.json();
    equal([counts(client), stagesOf(events.slice(-4))], [{ active: 0, queued: 0 }, ["head", "done", "head", "done"]]);
  },
  async each_of_two_clients_around_a_request_gets_its_end() {
    const inner = observed({ fetch: transport() });
    const waterspout = { slot: "body", onDownloadProgress: () => undefined };
    const outer = observed({ fetch: (url) => inner.client.fetch(url, { waterspout }) });
    for (let count = 0; count < 3; count++) equal(await outer.client.get(NOWHERE).text(), "hello");
    for (const { client, events } of [inner, outer]) equal([counts(client), events.map(({ stage }) => stage).filter((stage) => stage === "done").length], [{ active: 0, queued: 0 }, 3]);
  },
  async an_error_that_is_named_as_that_of_json_fails_another_read() {
    const reads = [(response) => response.text(), ({ body }) => body.getReader().read(), async (response) => response.clone().text()];
    for (const read of reads) {
      const opened = openResponse();
      const { client, events } = observed({ fetch: async () => opened.response });
      const response = await client.fetch(NOWHERE);
      opened.fail(new SyntaxError("cut"));
      await rejection(read(response));
      await turns();
      equal(stagesOf(events), ["started", "head", "failed"]);
    }
  },
  async a_copy_goes_on_after_the_other_was_cancelled_within_a_read() {
    const opened = openResponse();
    const { client, events } = observed({ fetch: async () => opened.response });
    const response = await client.fetch(NOWHERE);
    const copy = response.clone();
    const reader = response.body.getReader();
    const reading = reader.read();
    await turns();
    void reader.cancel().catch(() => undefined);
    await reading;
    opened.end("hello");
    equal(await copy.text(), "hello");
    await turns();
    equal(stagesOf(events), ["started", "head", "done"]);
  },
  async all_observers_get_the_steps_in_the_same_order() {
    const causes = {
      head: ({ controller }) => controller.abort("enough"),
      started: ({ client }) => client.close({ now: true }),
      done: ({ client }) => void client.close({ now: true }),
    };
    for (const [stage, act] of Object.entries(causes)) {
      const controller = new AbortController();
      const client = new Client({ fetch: transport() });
      const lists = [[], []];
      client.observe((event) => {
        lists[0].push(event.stage);
        if (event.stage === stage) act({ client, controller });
      });
      client.observe((event) => lists[1].push(event.stage));
      await client.fetch(NOWHERE, { signal: controller.signal }).then((response) => response.text()).catch(() => undefined);
      equal(lists[0], lists[1], stage);
      equal(lists[0].filter((stage) => ["done", "failed", "cancelled"].includes(stage)).length, 1, stage);
    }
  },
  async the_last_step_counts_its_request_no_more() {
    const empty = () => new Response("", { headers: { "content-length": "0" } });
    for (const fetch of [transport(), transport(empty), transport(() => Promise.reject(new TypeError("cut")))]) {
      const client = new Client({ fetch });
      const seen = [];
      client.observe(({ stage }) => seen.push([stage, client.stats().active, client.stats().origins.length]));
      await client.get(NOWHERE).text().catch(() => undefined);
      equal(seen.at(-1).slice(1), [0, 0], seen.at(-1)[0]);
    }
  },
  async a_body_that_a_hook_has_read_is_done_with_the_head() {
    const afterResponse = async ({ response }) => void (await response.text());
    const { client, events } = observed({ fetch: transport(), hooks: { afterResponse } });
    await client.fetch(NOWHERE);
    equal(stagesOf(events), ["started", "head", "done"]);
  },
  async an_error_in_a_body_leaves_what_the_hooks_have_sent() {
    for (const observe of [true, false]) {
      const sent = [];
      const fetch = async (input, { signal } = {}) => {
        if (String(input).endsWith("/log")) return sleep(20).then(() => (sent.push(signal.aborted), new Response(null)));
        return new Response("no json");
      };
      const afterResponse = (context) => void context.fetch("http://a.test/log").catch(() => undefined);
      const client = new Client({ fetch, hooks: { afterResponse } });
      if (observe) client.observe(() => undefined);
      await rejection((await client.fetch(NOWHERE, { waterspout: { slot: "body" } })).json());
      await sleep(40);
      equal(sent, [false]);
    }
  },
  async a_response_without_a_body_is_read_by_its_shortcut_later() {
    const client = new Client({ fetch: transport(() => new Response(null, { status: 204 })) });
    for (const slot of ["head", "body"]) {
      const sent = client.get(NOWHERE, { slot });
      equal([(await sent).status, await sent.text()], [204, ""]);
    }
  },
};
