/** When a slot is free again, and when a client is idle or closed. */
import { Client, isWaterspoutError } from "waterspout";
import { turn, until, withFakes } from "./stubs.mjs";
import { assert, counts, equal, isPending, NOWHERE, openResponse, rejection, rejectsWith, sleep, transport, turns, withGlobalFetch } from "./support.mjs";

const FREE = { active: 0, queued: 0 };
const BUSY = { active: 1, queued: 1 };
const FORM = { headers: { "content-type": "application/x-www-form-urlencoded" } };

/** The methods of the promise of a shortcut: the response's body, what they read, and how that is compared. */
const READERS = {
  json: ['{"a":1}', { a: 1 }, (found) => found],
  text: ["h\u00e9", "h\u00e9", (found) => found],
  blob: ["abc", "abc", (found) => found.text()],
  arrayBuffer: ["abc", [97, 98, 99], (found) => [...new Uint8Array(found)]],
  bytes: ["abc", [97, 98, 99], (found) => (assert(found instanceof Uint8Array, "a Uint8Array"), [...found])],
  formData: ["a=1&b=2", [["a", "1"], ["b", "2"]], (found) => [...found]],
};

/** Returns a client with a single slot, whose first response is `opened` and whose further responses are empty. */
function single(settings = {}, init = {}) {
  let answers = 0;
  const held = {};
  held.fetch = transport(({ signal }) => (answers++ ? new Response(null) : (held.opened = openResponse({ signal, ...init })).response));
  held.client = new Client({ maxActive: 1, fetch: held.fetch, ...settings });
  return held;
}

/** What a caller may do to end the body of a response, with the body still open. `text` is sent before. */
export const ENDINGS = {
  reads_to_the_end: async (response, { end }) => (end(), await response.text()),
  reads_by_a_reader: async ({ body }, { end }) => {
    end();
    const reader = body.getReader();
    while (!(await reader.read()).done);
  },
  pipes_it: async ({ body }, { end }) => (end(), await body.pipeTo(new WritableStream())),
  pipes_it_through: async ({ body }, { end }) => (end(), await new Response(body.pipeThrough(new TransformStream())).text()),
  makes_a_response_of_it: async ({ body }, { end }) => (end(), await new Response(body).text()),
  reads_both_clones: async (response, { end }) => {
    end();
    await Promise.all([response.clone().text(), response.text()]);
  },
  reads_both_branches: async ({ body }, { end }) => (end(), await Promise.all(body.tee().map((branch) => new Response(branch).text()))),
  cancels_it: ({ body }) => body.cancel("enough"),
  cancels_its_reader: ({ body }) => body.getReader().cancel("enough"),
  meets_an_error: async (response, { fail }) => (fail(new RangeError("cut")), await rejection(response.text())),
  meets_an_error_in_a_reader: async ({ body }, { fail }) => (fail(new RangeError("cut")), await rejection(body.getReader().read())),
  reads_no_json: async (response, { end }) => (end("no json"), await rejection(response.json())),
};

export const slots = {
  async a_response_that_is_not_read_gives_its_slot_to_the_next() {
    const client = new Client({ maxActive: 1, fetch: transport() });
    const unread = await client.get(NOWHERE);
    equal(counts(client), { active: 1, queued: 0 }, "until its time has passed");
    equal(await client.get(NOWHERE).text(), "hello");
    equal([await unread.text(), counts(client)], ["hello", { active: 0, queued: 0 }], "it can be read later");
    // A body that is being read keeps its slot for longer than that.
    const opened = openResponse();
    const slow = new Client({ maxActive: 1, fetch: async () => opened.response });
    const { body } = await slow.get(NOWHERE);
    const reader = body.getReader();
    opened.send("a");
    await reader.read();
    await sleep(1_200);
    equal(counts(slow), { active: 1, queued: 0 }, "a body that is being read");
    await reader.cancel();
    equal(counts(slow), { active: 0, queued: 0 });
  },
  async a_shortcut_holds_its_slot_until_its_reader_ends() {
    for (const limit of ["maxActive", "maxActivePerOrigin"]) {
      for (const [name, [sent, expected, shown]] of Object.entries(READERS)) {
        const held = single({ [limit]: 1 }, name === "formData" ? FORM : {});
        const read = held.client.get(NOWHERE)[name]();
        const next = held.client.fetch(NOWHERE);
        await turns();
        equal([counts(held.client), held.fetch.sent.length], [BUSY, 1], `${name} with ${limit}`);
        held.opened.end(sent);
        equal(await shown(await read), expected, name);
        await next;
        equal(counts(held.client), FREE, name);
      }
    }
  },
  async the_end_of_a_body_frees_its_slot() {
    for (const [name, finish] of Object.entries(ENDINGS)) {
      for (const call of [(client) => client.get(NOWHERE), (client) => client.fetch(NOWHERE, { waterspout: { slot: "body" } })]) {
        const held = single();
        const response = await call(held.client);
        const next = held.client.fetch(NOWHERE);
        await turns();
        equal(counts(held.client), BUSY, `before the caller ${name}`);
        if (name !== "reads_no_json") held.opened.send("a");
        await finish(response, held.opened);
        await next;
        equal(counts(held.client), FREE, `after the caller ${name}`);
      }
    }
  },
  async a_response_without_a_body_frees_its_slot_at_once() {
    for (const make of [() => new Response(null), () => new Response(null, { status: 204 }), () => Response.error()]) {
      const client = new Client({ maxActive: 1, fetch: transport(make) });
      for (let round = 0; round < 3; round++) await client.get(NOWHERE);
      equal(counts(client), FREE);
    }
  },
  async head_requests_free_their_slots_at_once(lab) {
    const client = new Client({ maxActive: 1 });
    for (let round = 0; round < 3; round++) equal((await client.head(lab.url("bytes/1000"))).status, 200);
    equal(counts(client), FREE);
  },
  async the_option_slot_says_until_when_a_slot_is_held() {
    const rows = [
      // The slot of the client, the slot of the request, and the calls that hold a slot until the end of the body.
      [undefined, undefined, ["get", "post"]],
      [undefined, "head", []],
      [undefined, "body", ["fetch", "get", "post"]],
      ["head", undefined, []],
      ["body", undefined, ["fetch", "get", "post"]],
      ["head", "body", ["fetch", "get", "post"]],
      ["body", "head", []],
    ];
    for (const [ofClient, ofRequest, holding] of rows) {
      for (const name of ["fetch", "get", "post"]) {
        const { client } = single({ slot: ofClient });
        await client[name](NOWHERE, { waterspout: { slot: ofRequest } });
        await turns();
        equal(counts(client).active, holding.includes(name) ? 1 : 0, `${name} with ${ofClient} and ${ofRequest}`);
      }
    }
  },
  async forty_texts_open_as_many_responses_as_there_are_slots() {
    let [open, most] = [0, 0];
    const answer = () => {
      most = Math.max(most, ++open);
      let pieces = 3;
      const pull = async (controller) => {
        await sleep(0);
        if (pieces-- > 0) return controller.enqueue(new TextEncoder().encode("x"));
        open--;
        controller.close();
      };
      return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }));
    };
    const client = new Client({ maxActive: 4, fetch: transport(answer) });
    const texts = await Promise.all(Array.from({ length: 40 }, () => client.get(NOWHERE).text()));
    equal([most, open, new Set(texts).size, texts[0]], [4, 0, 1, "xxx"]);
  },
  async bodies_from_a_server_free_their_slots(lab) {
    const client = new Client({ maxActive: 2 });
    const lengths = await Promise.all([...Array(12).keys()].map(async (n) => (await client.get(lab.url(`bytes/${n * 9_000}`)).arrayBuffer()).byteLength));
    equal(lengths, [...Array(12).keys()].map((n) => n * 9_000));
    const response = await client.get(lab.keyed("endless"));
    equal(counts(client).active, 1);
    await response.body.cancel();
    equal([counts(client), await lab.recall("ended", "?wait=5000")], [FREE, "true"]);
  },
  async an_abort_frees_the_slot_of_a_body() {
    for (const settings of [{}, { timeout: 60_000 }, { retry: 2 }]) {
      const held = single(settings);
      const controller = new AbortController();
      const read = rejection(held.client.get(NOWHERE, { signal: controller.signal }).text());
      const next = held.client.fetch(NOWHERE);
      await turns();
      equal(counts(held.client), BUSY);
      controller.abort(new RangeError("enough"));
      // Engines differ in the error of a body that a program made and that fails.
      await read;
      equal([(await next).status, counts(held.client)], [200, FREE]);
      // The body of this response is not being read.
      const unread = single(settings);
      const other = new AbortController();
      await unread.client.get(NOWHERE, { signal: other.signal });
      other.abort(new RangeError("enough"));
      await turns();
      equal(counts(unread.client), FREE, "an unread body");
    }
  },
  async a_limit_frees_the_slot_of_a_body() {
    for (const timeout of [60, { total: 60 }, { idle: 60 }]) {
      const held = single();
      let next;
      await withFakes((start, time) => start + time, async (timers) => {
        const read = rejection(held.client.get(NOWHERE, { timeout }).text());
        next = held.client.fetch(NOWHERE);
        await until(() => held.opened, "the response");
        await turn();
        equal(counts(held.client), BUSY, JSON.stringify(timeout));
        timers.tick(60);
        await read;
      });
      await next;
      equal(counts(held.client), FREE, JSON.stringify(timeout));
    }
  },
  async a_failed_attempt_holds_no_slot() {
    let answers = 0;
    const opened = [];
    const answer = () => (opened.push(openResponse({ status: 503 })), answers++ ? new Response("good") : opened[0].response);
    const client = new Client({ maxActive: 1, retry: { attempts: 2, baseDelay: 0 }, fetch: transport(answer) });
    equal(await client.get(NOWHERE).text(), "good");
    equal([opened[0].cancelled, counts(client)], [true, FREE]);
    const failing = new Client({ maxActive: 1, throwHttpErrors: true, fetch: transport(() => new Response("bad", { status: 500 })) });
    for (let round = 0; round < 3; round++) await rejectsWith(failing.get(NOWHERE).text(), "STATUS");
    equal(counts(failing), FREE);
  },
  async a_watched_response_is_the_platforms_own_object() {
    let made;
    for (const settings of [{}, { timeout: 60_000 }, { slot: "body" }]) {
      const client = new Client({ fetch: transport(() => (made = new Response("hello", { status: 201, headers: { "x-a": "1" } }))), ...settings });
      const response = await client.get(NOWHERE);
      assert(response === made && response instanceof Response && response.body instanceof ReadableStream, "the same object");
      equal([response.status, response.headers.get("x-a"), response.bodyUsed], [201, "1", false]);
      equal([await response.text(), response.bodyUsed], ["hello", true]);
      equal((await rejection(response.text())).name, "TypeError", "a second read");
    }
  },

  async an_idle_client_has_no_request_and_holds_no_slot() {
    const held = single();
    await held.client.idle();
    const read = held.client.get(NOWHERE).text();
    const waiting = held.client.get(NOWHERE).text();
    const idle = held.client.idle();
    assert(await isPending(idle), "a body is open");
    held.opened.end("x");
    await Promise.all([read, waiting, idle]);
    equal(counts(held.client), FREE);
    await held.client.idle();
  },
  async a_client_that_waits_or_fails_becomes_idle() {
    let tried;
    const client = new Client({ fetch: transport(() => (tried ? Promise.reject(new TypeError("no")) : ((tried = true), new Response(null, { status: 503 })))), retry: { attempts: 2, baseDelay: 0 } });
    const hold = { beforeRetry: () => sleep(30) };
    const request = rejection(client.fetch(NOWHERE, { waterspout: { hooks: hold } }));
    const idle = client.idle();
    assert(await isPending(idle), "another attempt follows");
    equal((await request).message, "no");
    await idle;
    client.pause();
    const waiting = rejectsWith(client.fetch(NOWHERE), "CLEARED");
    const later = client.idle();
    assert(await isPending(later), "a request waits");
    client.clear();
    await Promise.all([waiting, later]);
  },
  async close_returns_a_promise_of_the_end() {
    const held = single();
    const read = held.client.get(NOWHERE).text();
    const waiting = held.client.fetch(NOWHERE);
    const closed = held.client.close();
    await rejectsWith(held.client.fetch(NOWHERE), "CLOSED");
    assert(await isPending(closed), "two requests have not ended");
    held.opened.end("x");
    equal([await read, (await waiting).status], ["x", 200]);
    await closed;
    await Promise.all([held.client.close(), held.client.close({ now: true }), held.client.idle()]);
  },
  async close_now_ends_all_requests_of_every_kind() {
    const silent = ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    for (const settings of [{}, { timeout: 60_000 }, { retry: 3 }, { slot: "body" }, { hooks: { beforeRequest: () => undefined } }]) {
      const fetch = transport(silent);
      const client = new Client({ maxActive: 2, fetch, ...settings });
      const requests = [client.fetch(NOWHERE), client.get(NOWHERE).text(), client.fetch(NOWHERE)].map((request) => rejectsWith(request, "CLOSED"));
      await turns();
      await client.close({ now: true });
      await Promise.all(requests);
      equal([fetch.sent.length, counts(client)], [2, FREE], JSON.stringify(settings));
      for (const { signal } of fetch.sent) assert(signal.aborted && isWaterspoutError(signal.reason, "CLOSED"), "the platform stops the request");
    }
  },
  async close_now_aborts_bare_requests_of_the_platform() {
    let signal;
    const stub = (...call) => new Promise((_, reject) => {
      signal = new Request(...call).signal;
      signal.addEventListener("abort", () => reject(signal.reason));
    });
    await withGlobalFetch(stub, async () => {
      const client = new Client();
      const request = rejectsWith(client.fetch(NOWHERE), "CLOSED");
      await turns();
      await Promise.all([client.close({ now: true }), request]);
      assert(signal.aborted && isWaterspoutError(signal.reason, "CLOSED"), String(signal.reason));
    });
  },
  async close_now_ends_a_body_that_holds_a_slot(lab) {
    const client = new Client();
    const response = await client.get(lab.keyed("endless"));
    const read = rejection(response.text());
    await client.close({ now: true });
    await read;
    equal([counts(client), await lab.recall("ended", "?wait=5000")], [FREE, "true"]);
  },
};
