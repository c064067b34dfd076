/**
 * Scenarios of server-sent events. Runs in every engine, with `events` of the entry for events and with `client.events`.
 *
 * The waits between connections pass at once: `connected` replaces `setTimeout` meanwhile and records the delays.
 */
import { Client, isWaterspoutError, WaterspoutError } from "waterspout";
import { events, eventsOf } from "waterspout/events";

const URL_OF_EVENTS = "http://127.0.0.1:1/events";
const TYPE = { "content-type": "text/event-stream" };

function assert(condition, message) {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

function equal(found, expected, what = "value") {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  assert(left === right, `${what} is ${left}, not ${right}`);
}

const rejection = (promise) => promise.then(() => assert(false, "it should have been rejected"), (error) => error);

/** The two ways to the events. Each gets a function like fetch. */
const entries = {
  events: (fetch, init) => events(fetch, URL_OF_EVENTS, init),
  "client.events": (fetch, init) => new Client({ fetch }).events(URL_OF_EVENTS, init),
};

/** Returns a body of `pieces` that then stays open, is closed, or breaks off. `onCancel` gets the reason of a cancel. */
function bodyOf(pieces, end, onCancel) {
  const left = pieces.map((piece) => (typeof piece === "string" ? new TextEncoder().encode(piece) : piece));
  const pull = (controller) => {
    if (left.length > 0) return controller.enqueue(left.shift());
    if (end === "closed") return controller.close();
    if (end === "broken") throw new TypeError("the connection is lost");
    return new Promise(() => undefined);
  };
  return new ReadableStream({ pull, cancel: onCancel }, { highWaterMark: 0 });
}

const ends = (...pieces) => new Response(bodyOf(pieces, "closed"), { headers: TYPE });
const breaks = (...pieces) => new Response(bodyOf(pieces, "broken"), { headers: TYPE });
const stays = (...pieces) => new Response(bodyOf(pieces, "open"), { headers: TYPE });
const noMore = () => new Response(null, { status: 204 });
const refuses = () => {
  throw new TypeError("the connection is refused");
};

/** Returns a function like fetch that answers with `acts` in turn, then with status 204. `requests` has what it was sent. */
function server(...acts) {
  const requests = [];
  const fetch = async (...call) => {
    const request = new Request(...call);
    requests.push(request);
    return (acts[requests.length - 1] ?? noMore)(request);
  };
  return { fetch, requests };
}

/** Reads all events. Returns their data and ids, the error at the end, the requests, and the delays between the requests. */
async function connected(entry, init, ...acts) {
  const { fetch, requests } = server(...acts);
  const { setTimeout } = globalThis;
  const delays = [];
  const data = [];
  const ids = [];
  let error;
  globalThis.setTimeout = (act, delay, ...rest) => {
    // Shorter timers belong to the engine's own streams.
    if (delay >= 100) delays.push(delay);
    return setTimeout(act, 0, ...rest);
  };
  try {
    for await (const event of entry(fetch, init)) data.push(event.data), ids.push(event.id);
  } catch (caught) {
    error = caught;
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  return { data, ids, error, requests, delays };
}

/** Calls `check` with each of the two entries. */
async function withEach(check) {
  for (const [name, entry] of Object.entries(entries)) await check(entry, name);
}

const DONE = "data: [DONE]\n\n";
const outcomes = { ends: () => ends(DONE), breaks: () => breaks(DONE), refuses };
const errors = { breaks: "the connection is lost", refuses: "the connection is refused" };

export const eventScenarios = {
  async events_are_asked_for_again_only_where_that_repeats_no_action() {
    const table = [
      // method, reconnect, first outcome, requests
      ["GET", undefined, "ends", 2],
      ["GET", undefined, "breaks", 2],
      ["GET", undefined, "refuses", 2],
      ["get", undefined, "ends", 2],
      [undefined, undefined, "ends", 2],
      ["GET", false, "ends", 1],
      ["GET", false, "breaks", 1],
      ["GET", false, "refuses", 1],
      ["POST", undefined, "ends", 1],
      ["POST", undefined, "breaks", 1],
      ["POST", undefined, "refuses", 1],
      ["POST", true, "ends", 2],
      ["POST", true, "breaks", 2],
      ["POST", true, "refuses", 2],
      ["POST", false, "ends", 1],
      ["POST", false, "breaks", 1],
      ["POST", false, "refuses", 1],
      ["HEAD", undefined, "ends", 1],
      ["PUT", undefined, "ends", 1],
      ["PATCH", undefined, "breaks", 1],
      ["DELETE", undefined, "refuses", 1],
      ["QUERY", undefined, "ends", 1],
    ];
    await withEach(async (entry, name) => {
      for (const [method, reconnect, outcome, expected] of table) {
        const body = /^(P|Q)/.test(method) ? { body: "question" } : {};
        const init = { ...(method && { method }), reconnect, ...body };
        const { data, error, requests } = await connected(entry, init, outcomes[outcome]);
        const message = expected === 1 ? errors[outcome] : undefined;
        const found = [data, error?.message, requests.length, await requests.at(-1).text()];
        equal(found, [outcome === "refuses" ? [] : ["[DONE]"], message, expected, body.body ?? ""], `${name}: ${method} ${reconnect} ${outcome}`);
      }
    });
  },
  async a_question_to_a_language_model_is_sent_once(lab) {
    for (const make of [(client, ...rest) => client.events(...rest), events]) {
      const client = new Client();
      let sent = 0;
      client.observe(({ stage }) => (sent += stage === "started" ? 1 : 0));
      const data = [];
      for await (const event of make(client, lab.url("events?total=9&burst=2"), { method: "POST", body: "question" })) data.push(event.data);
      equal([data, sent], [["1\nPOST question", "2\nPOST question"], 1]);
    }
  },
  async a_204_ends_the_events() {
    await withEach(async (entry, name) => {
      for (const init of [{}, { reconnect: true }, { method: "POST", reconnect: true }]) {
        const first = await connected(entry, init, noMore, refuses);
        equal([first.data, first.error ?? null, first.requests.length], [[], null, 1], name);
        const later = await connected(entry, init, () => ends("data: a\n\n"), () => ends("data: b\n\n"), noMore, refuses);
        equal([later.data, later.error ?? null, later.requests.length], [["a", "b"], null, 3], name);
      }
    });
  },
  async events_are_asked_for_again_after_the_delay_of_server_and_options() {
    const table = [
      // first response, options, base of each delay
      ["data: a\n\n", {}, [3000]],
      ["data: a\n\n", { retryDelay: 700 }, [700]],
      ["retry: 250\n", {}, [250]],
      ["retry: 250\n\nretry: 450\r\n", { retryDelay: 700 }, [450]],
      ["retry: 0\n", {}, [100]],
      ["", { retryDelay: 0 }, [100]],
      ["retry\n", {}, [3000]],
      ["retry: 1e3\nretry: -5\nretry: 2.5\nretry: +1\nretry: 0x10\nretry: 1 \nretry:  1\n", {}, [3000]],
      ["retry: 99999999999999999999\n", {}, [300_000]],
      ["retry: 99999999999999999999\n", { maxDelay: 5000 }, [5000]],
      [`retry: ${"9".repeat(400)}\n`, { maxDelay: Infinity }, [1e9]],
      ["", { maxDelay: 0 }, [100]],
    ];
    const failures = [
      [{ retryDelay: 100 }, [100, 200, 400, 800]],
      [{ retryDelay: 1 }, [100, 200, 400, 800]],
      [{ retryDelay: 100, maxDelay: 250 }, [100, 200, 250, 250]],
    ];
    const inRange = (delays, bases) => delays.length === bases.length && delays.every((delay, at) => delay >= bases[at] && delay <= bases[at] * 1.5);
    await withEach(async (entry, name) => {
      for (const [text, init, bases] of table) {
        const { delays } = await connected(entry, init, () => ends(text));
        assert(inRange(delays, bases), `${name}: ${text} ${JSON.stringify(init)}: ${delays}`);
      }
      for (const [init, bases] of failures) {
        const { delays } = await connected(entry, init, refuses, breaks, refuses, () => breaks("da"));
        assert(inRange(delays, bases), `${name}: ${JSON.stringify(init)}: ${delays}`);
      }
      // A delay of the server holds for later connections, and the end of a response is no failure.
      const { delays } = await connected(entry, {}, () => ends("retry: 200\n"), refuses, () => ends("data: a\n\n"), () => ends(), refuses, refuses);
      assert(inRange(delays, [200, 200, 200, 200, 200, 400]), `${name}: ${delays}`);
    });
  },
  async events_fail_after_as_many_failures_in_a_row_as_allowed() {
    const fails = (code) => () => {
      throw new WaterspoutError(code, "temporary");
    };
    const broken = { broken: () => breaks(), "broken in a line": () => breaks("data: a"), "broken in a comment": () => breaks(": a") };
    const kinds = { refused: refuses, ...broken, full: fails("QUEUE_FULL"), core: fails("INTERNAL") };
    const many = (act) => Array(12).fill(act);
    await withEach(async (entry, name) => {
      for (const [kind, act] of Object.entries(kinds)) {
        for (const init of [{ maxAttempts: 3 }, { maxAttempts: 3, method: "POST", reconnect: true }]) {
          const { error, requests } = await connected(entry, init, ...many(act));
          equal([/lost|refused|temporary/.test(error?.message), requests.length], [true, 3], `${name}: ${kind}: ${error}`);
        }
        equal((await connected(entry, {}, ...many(act))).requests.length, 5, `${name}: ${kind} by default`);
        equal((await connected(entry, { maxAttempts: 1 }, ...many(act))).requests.length, 1, `${name}: ${kind} once`);
        equal((await connected(entry, { maxAttempts: Infinity }, ...many(act))).requests.length, 13, `${name}: ${kind} without a limit`);
      }
      const inTurn = await connected(entry, { maxAttempts: 3 }, refuses, () => breaks(), () => breaks("data: a\n\n"), refuses, () => breaks(), noMore);
      equal([inTurn.data, inTurn.error.message, inTurn.requests.length], [["a"], "the connection is lost", 5], name);
      // The end of a response is no failure, and a line shows that the connection works.
      for (const act of [() => ends(), () => ends("data: a\n\n"), () => breaks("data: a\n\n"), () => breaks(": heartbeat\n")]) {
        const { error, requests } = await connected(entry, { maxAttempts: 3 }, ...many(act));
        equal([error ?? null, requests.length], [null, 13], `${name}: ${act}`);
      }
    });
  },
  async an_error_that_another_attempt_cannot_change_is_final() {
    const respond = (status, headers) => () => new Response("text", { status, headers });
    const table = [
      ["STATUS", respond(201, TYPE)],
      ["STATUS", respond(500, TYPE)],
      ["STATUS", respond(404, {})],
      ["DECODE", respond(200, { "content-type": "text/html" })],
      ["DECODE", respond(200, { "content-type": "text/event-streams" })],
      ["DECODE", respond(200, { "content-type": "application/json; a=text/event-stream" })],
      ["LIMIT_EXCEEDED", () => stays(`data: ${"x".repeat(20)}`)],
    ];
    await withEach(async (entry, name) => {
      for (const [code, act] of table) {
        const { error, requests } = await connected(entry, { maxEventSize: 20, reconnect: true }, act, noMore);
        equal([error?.code, error?.attempts, requests.length], [code, 1, 1], name);
      }
    });
  },
  async an_abort_ends_the_events_at_any_point() {
    const reason = { name: "my reason" };
    await withEach(async (entry, name) => {
      const aborted = async (act, init, abort) => {
        const controller = new AbortController();
        const { fetch, requests } = server((request) => act(controller, request));
        if (!abort) controller.abort(reason);
        const all = entry(fetch, { ...init, signal: controller.signal });
        const found = await rejection(abort ? abort(all, controller) : all.next());
        assert(found === reason, `${name}: ${String(found)}`);
        equal(await all.next(), { done: true }, name);
        return [requests.length, requests[0]?.signal.aborted];
      };
      const byAct = (all) => all.next();
      const later = (controller) => void setTimeout(() => controller.abort(reason), 5);
      const heeding = (controller, { signal }) => (later(controller), new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))));
      equal(await aborted(noMore, {}), [0, undefined], `${name}: before the start`);
      equal(await aborted(heeding, {}, byAct), [1, true], `${name}: while the response is awaited`);
      equal(await aborted((controller) => (later(controller), stays()), {}, byAct), [1, true], `${name}: while the body is read`);
      equal((await aborted((controller) => (later(controller), ends()), { retryDelay: 60_000 }, byAct))[0], 1, `${name}: during the wait`);
      equal(await aborted((controller) => (later(controller), stays()), { method: "POST" }, byAct), [1, true], `${name}: of a POST`);
      // Events that have arrived with the last event are not passed on after the abort.
      const inLoop = async (all, controller) => {
        equal((await all.next()).value.data, "a");
        controller.abort(reason);
        return all.next();
      };
      equal(await aborted(() => stays("data: a\n\ndata: b\n\n"), {}, inLoop), [1, true], `${name}: in the loop`);
    });
  },
  async return_ends_the_events_at_any_point() {
    const finished = { value: undefined, done: true };
    await withEach(async (entry, name) => {
      const unread = entry(refuses, {});
      equal([await unread.return(), await unread.next()], [finished, finished], `${name}: before the start`);
      let reached;
      const points = {
        "while the response is awaited": ({ signal }) => (reached(), new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))),
        "while the body is read": () => new Response(bodyOf([], "open", () => undefined), (reached(), { headers: TYPE })),
        "during the wait": () => (reached(), ends()),
      };
      for (const [point, act] of Object.entries(points)) {
        const at = new Promise((resolve) => (reached = resolve));
        const { fetch, requests } = server(act);
        const all = entry(fetch, { retryDelay: 60_000 });
        const pending = all.next();
        await at;
        await new Promise((resolve) => setTimeout(resolve, 5));
        equal([await all.return(), await pending, await all.next()], [finished, finished, finished], `${name}: ${point}`);
        equal([requests.length, requests[0].signal.aborted || act === points["during the wait"]], [1, true], `${name}: ${point}`);
      }
      // The end of the loop cancels a body that no abort reaches.
      let cancelled = 0;
      const ignoring = () => new Response(bodyOf(["data: a\n\n"], "open", () => void cancelled++), { headers: TYPE });
      for await (const { data } of entry(async () => ignoring(), {})) {
        equal(data, "a");
        break;
      }
      equal(cancelled, 1, name);
    });
  },
  async a_response_in_hand_is_read_once(lab) {
    const data = [];
    for await (const event of eventsOf(await fetch(lab.url("events?total=9&burst=2")))) data.push(`${event.event} ${event.id}`);
    equal(data, ["count 1", "count 2"]);
    const first = (response, options) => eventsOf(response, options).next();
    const table = [
      [new Response("no", { status: 503, headers: TYPE }), {}, "STATUS"],
      [new Response("{}", { headers: { "content-type": "application/json" } }), {}, "DECODE"],
      [ends(`data: ${"x".repeat(20)}\n\n`), { maxEventSize: 20 }, "LIMIT_EXCEEDED"],
    ];
    for (const [response, options, code] of table) {
      assert(isWaterspoutError(await rejection(first(response, options)), code), code);
      // Nothing is left open.
      equal(response.bodyUsed || response.body === null || (await response.text().catch(() => "")) === "", true, code);
    }
    equal((await rejection(first(breaks("data: a")))).message, "the connection is lost");
    const used = ends(DONE);
    used.body.getReader();
    equal((await rejection(first(used))).name, "TypeError");
    equal((await eventsOf(new Response(null, { headers: TYPE })).next()).done, true);
  },
  async leaving_the_events_of_a_response_cancels_its_body() {
    const finished = { value: undefined, done: true };
    let cancelled = 0;
    const response = () => new Response(bodyOf(["data: a\n\ndata: b\n\n"], "open", () => void cancelled++), { headers: TYPE });
    for await (const { data } of eventsOf(response())) {
      equal(data, "a");
      break;
    }
    equal(cancelled, 1, "after the loop");
    const unread = eventsOf(response());
    equal([await unread.return(), await unread.next(), cancelled], [finished, finished, 2]);
    const reading = eventsOf(response());
    equal([(await reading.next()).value.data, (await reading.next()).value.data], ["a", "b"]);
    const pending = reading.next();
    equal([await reading.return(), await pending, cancelled], [finished, finished, 3]);
  },
  async the_last_event_id_is_sent_in_the_bytes_of_its_source() {
    const utf8 = (text) => String.fromCharCode(...new TextEncoder().encode(text));
    await withEach(async (entry, name) => {
      const sent = async (own, ...texts) => {
        const headers = own ? { "last-event-id": own } : {};
        const { ids, requests } = await connected(entry, { headers }, ...texts.map((text) => () => ends(text)));
        return [requests.map((request) => request.headers.get("last-event-id")), ids];
      };
      // The caller's value is a string of bytes, and stays as it is until the server sends an id.
      equal(await sent(utf8("\u00fc"), "data: a\n\n", "id: \u00e9\u{1f30a}\n\n"), [[utf8("\u00fc"), utf8("\u00fc"), utf8("\u00e9\u{1f30a}")], ["\u00fc"]], name);
      equal(await sent("caf\u00e9", "data: a\n\n", "id: caf\u00e9\ndata: b\n\n"), [["caf\u00e9", "caf\u00e9", utf8("caf\u00e9")], ["caf\ufffd", "caf\u00e9"]], name);
      equal(await sent(undefined, "id: 1\ndata: a\n\nid: lost\n", "data: b\n\n", "id\n\n"), [[null, "1", "1", null], ["1", "1"]], name);
      equal(await sent("7", "id: \n\n"), [["7", null], []], `${name}: a server's empty id`);
      equal(await sent("7", "id: 8\0\ndata: a\n\n"), [["7", "7"], ["7"]], `${name}: an id with a zero`);
    });
  },
  async a_comment_of_any_length_is_skipped() {
    const mebibyte = new Uint8Array(1 << 20).fill(120);
    await withEach(async (entry, name) => {
      const long = ["data: a\n:", ...Array(16).fill(mebibyte), "\n", ": ", mebibyte, mebibyte, "\r\ndata: b\n\n:", mebibyte, mebibyte];
      equal((await connected(entry, { reconnect: false }, () => ends(...long))).data, ["a\nb"], name);
      // Comments do not count towards the size of an event, however they are split.
      const text = `:${"x".repeat(30)}\ndata: 2345\n:\n: data: x\ndata: 2345\n\n`;
      for (const size of [1, 2, 7, text.length]) {
        const pieces = text.match(new RegExp(`[^]{1,${size}}`, "g"));
        equal((await connected(entry, { maxEventSize: 20, reconnect: false }, () => ends(...pieces))).data, ["2345\n2345"], `${name}: pieces of ${size}`);
        const { error } = await connected(entry, { maxEventSize: 19, reconnect: false }, () => ends(...pieces));
        equal(error?.code, "LIMIT_EXCEEDED", `${name}: pieces of ${size}`);
      }
    });
  },
  async a_body_that_can_be_sent_once_is_not_sent_again() {
    const bodies = { stream: () => new ReadableStream(), iterable: async function* () {} };
    for (const [kind, make] of Object.entries(bodies)) {
      for (const [reconnect, code] of [[true, "BODY_NOT_REPLAYABLE"], [undefined, undefined]]) {
        let sent = 0;
        const fetch = async () => (sent++, ends(DONE));
        const all = events(fetch, URL_OF_EVENTS, { method: "POST", body: make(), reconnect });
        equal((await all.next()).value.data, "[DONE]");
        const found = await all.next().catch((error) => error);
        equal([found.code, found.done, sent], [code, code ? undefined : true, 1], kind);
      }
    }
    await withEach(async (entry, name) => {
      let made = 0;
      const init = { method: "POST", body: async () => `question ${++made}`, reconnect: true };
      const { requests } = await connected(entry, init, () => ends(DONE));
      equal(await Promise.all(requests.map((request) => request.text())), ["question 1", "question 2"], name);
    });
  },
  async wrong_options_of_events_are_refused_by_name() {
    await withEach(async (entry, name) => {
      for (const option of ["retryDelay", "maxDelay", "maxAttempts", "maxEventSize"]) {
        for (const value of [NaN, -1, "soon", {}]) {
          const { error, requests } = await connected(entry, { [option]: value }, noMore);
          equal([error?.name, error?.message.startsWith(option), requests.length], ["RangeError", true, 0], `${name}: ${option}`);
        }
      }
    });
  },
  async events_work_with_prototypes_whose_methods_are_read_only() {
    const shared = Object.getPrototypeOf(Object.getPrototypeOf((async function* () {})()));
    // They are read-only already under lockdown.
    const names = ["next", "return", "throw"].filter((name) => Object.getOwnPropertyDescriptor(shared, name).writable);
    for (const name of names) Object.defineProperty(shared, name, { writable: false });
    try {
      await withEach(async (entry, name) => equal((await connected(entry, { method: "POST" }, () => ends(DONE))).data, ["[DONE]"], name));
      equal((await eventsOf(ends(DONE)).next()).value.data, "[DONE]");
    } finally {
      for (const name of names) Object.defineProperty(shared, name, { writable: true });
    }
  },
};
