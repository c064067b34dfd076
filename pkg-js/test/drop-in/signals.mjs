/** Aborts before a call, at each moment of a call, and after it. */
import { described, outcome, turnsOf } from "./outcome.mjs";

const reasons = { none: undefined, an_error: new RangeError("enough"), a_text: "enough", null: null, zero: 0 };
const before = (fetch, url, reason, more) => outcome(fetch, [url("hello"), { signal: AbortSignal.abort(reason) }], { reason, more });

/** Returns a call that is aborted after a number of microtasks. The server sends no response. */
const after = (turns) => async (fetch, url) => {
  const [controller, reason] = [new AbortController(), new RangeError("enough")];
  const sent = outcome(fetch, [url("silence"), { signal: controller.signal }], { reason });
  for (let turn = 0; turn < turns; turn++) await null;
  controller.abort(reason);
  return sent;
};

/** Returns the order of a rejection, the signal's listeners and the microtasks around an abort. */
const order = (prepare) => async (fetch, url) => {
  const log = [];
  const controller = new AbortController();
  const note = (what) => () => void log.push(what);
  controller.signal.addEventListener("abort", note("a listener of before"));
  const sent = fetch(url("silence"), { signal: controller.signal });
  controller.signal.addEventListener("abort", note("a listener of after"));
  sent.then(note("answered"), note("rejected"));
  await prepare();
  queueMicrotask(note("a microtask of before"));
  controller.abort();
  log.push("aborted");
  queueMicrotask(note("a microtask of after"));
  await sent.catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve));
  return log;
};

export const signals = {
  ...Object.fromEntries(Object.entries(reasons).map(([name, reason]) => [`aborted_before_for_${name}`, (fetch, url) => before(fetch, url, reason)])),
  aborted_before_comes_after_bad_arguments: (fetch) => outcome(fetch, ["http://[", { signal: AbortSignal.abort() }]),
  aborted_before_comes_after_a_bad_member: (fetch, url) => outcome(fetch, [url("hello"), { signal: AbortSignal.abort(), mode: "nonsense" }]),
  aborted_before_takes_the_body: (fetch, url) => {
    const request = new Request(url("echo"), { method: "POST", body: "once", signal: AbortSignal.abort() });
    return outcome(fetch, [request], { more: () => request.bodyUsed });
  },
  aborted_before_cancels_a_stream_at_once: async (fetch, url) => {
    const reason = new RangeError("enough");
    const told = [];
    const body = new ReadableStream({ cancel: (why) => void told.push(described(why, reason)) });
    return outcome(fetch, [url("echo"), { method: "POST", body, duplex: "half", signal: AbortSignal.abort(reason) }], { reason, more: () => [...told] });
  },
  aborted_before_sends_nothing: async (fetch, url) => {
    const key = `drop-in-${Math.random()}`;
    await fetch(url(`hit/${key}?name=x`), { signal: AbortSignal.abort() }).catch(() => undefined);
    return (await fetch(url(`hits/${key}`))).text();
  },
  aborted_before_is_heard_in_its_turn: async (fetch, url) => {
    const log = [];
    queueMicrotask(() => log.push("before"));
    const sent = fetch(url("hello"), { signal: AbortSignal.abort() }).then(() => log.push("answered"), () => log.push("rejected"));
    queueMicrotask(() => log.push("after"));
    await sent;
    return log;
  },
  aborted_by_a_request: (fetch, url) => outcome(fetch, [new Request(url("hello"), { signal: AbortSignal.abort() })]),
  aborted_by_a_request_for_a_reason: (fetch, url) => {
    const reason = new RangeError("enough");
    return outcome(fetch, [new Request(url("hello"), { signal: AbortSignal.abort(reason) })], { reason });
  },
  a_signal_instead_of_that_of_a_request: (fetch, url) => outcome(fetch, [new Request(url("hello"), { signal: AbortSignal.abort() }), { signal: new AbortController().signal }]),
  no_signal_instead_of_that_of_a_request: (fetch, url) => outcome(fetch, [new Request(url("hello"), { signal: AbortSignal.abort() }), { signal: null }]),
  an_undefined_signal_leaves_that_of_a_request: (fetch, url) => outcome(fetch, [new Request(url("hello"), { signal: AbortSignal.abort() }), { signal: undefined }]),
  a_signal_that_is_read_from_a_getter: (fetch, url) => outcome(fetch, [url("hello"), { get signal() { return AbortSignal.abort(); } }]),
  a_signal_of_two: (fetch, url) => outcome(fetch, [url("hello"), { signal: AbortSignal.any?.([new AbortController().signal, AbortSignal.abort()]) }]),
  a_signal_of_a_time_limit: (fetch, url) => outcome(fetch, [url("silence"), { signal: AbortSignal.timeout(20) }]),
  ...Object.fromEntries([0, 1, 2, 3, 5].map((turns) => [`aborted_after_${turns}_microtasks`, after(turns)])),
  aborted_in_the_turn_of_the_call_is_heard_in_its_turn: order(() => undefined),
  aborted_in_a_later_turn_is_heard_in_its_turn: order(() => null),
  aborted_while_the_server_is_silent_is_heard_in_its_turn: order(() => new Promise((resolve) => setTimeout(resolve, 50))),
  aborted_through_the_callers_request: async (fetch, url) => {
    const [controller, reason] = [new AbortController(), new RangeError("enough")];
    const sent = outcome(fetch, [new Request(url("silence"), { signal: controller.signal })], { reason });
    controller.abort(reason);
    return sent;
  },
  aborted_within_a_redirect: async (fetch, url) => {
    const controller = new AbortController();
    const sent = outcome(fetch, [url("redirect/1?to=/lab/silence"), { signal: controller.signal }]);
    setTimeout(() => controller.abort(), 50);
    return sent;
  },
  aborted_within_the_body: async (fetch, url) => {
    const [controller, reason] = [new AbortController(), new RangeError("enough")];
    const answer = await fetch(url("stall"), { signal: controller.signal });
    const text = answer.text().catch((error) => described(error, reason));
    controller.abort(reason);
    return [await text, answer.bodyUsed];
  },
  aborted_before_the_body_is_read: async (fetch, url) => {
    const [controller, reason] = [new AbortController(), new RangeError("enough")];
    const answer = await fetch(url("stall"), { signal: controller.signal });
    controller.abort(reason);
    const text = answer.text();
    const turns = await turnsOf(text);
    return { text: await text.catch((error) => described(error, reason)), used: answer.bodyUsed, turns };
  },
  aborted_with_a_reader: async (fetch, url) => {
    const [controller, reason] = [new AbortController(), new RangeError("enough")];
    const reader = (await fetch(url("stall"), { signal: controller.signal })).body.getReader();
    await reader.read();
    controller.abort(reason);
    return Promise.all([reader.read(), reader.closed].map((promise) => promise.catch((error) => described(error, reason))));
  },
  aborted_after_the_end_changes_nothing: async (fetch, url) => {
    const controller = new AbortController();
    const answer = await fetch(url("hello"), { signal: controller.signal });
    const text = await answer.text();
    controller.abort();
    return [text, answer.status, controller.signal.aborted];
  },
  a_signal_for_many_requests: async (fetch, url) => {
    const [controller, reason] = [new AbortController(), new RangeError("enough")];
    const sent = Array.from({ length: 3 }, () => fetch(url("silence"), { signal: controller.signal }).catch((error) => described(error, reason)));
    controller.abort(reason);
    return Promise.all(sent);
  },
};
