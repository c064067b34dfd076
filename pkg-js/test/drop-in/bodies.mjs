/** Calls with bodies of requests and of responses. */
import { outcome, seen } from "./outcome.mjs";

const post = (make) => (fetch, url) => outcome(fetch, [url("echo"), { method: "POST", body: make() }]);
const bytes = (text) => new TextEncoder().encode(text);

/** Returns a stream as a body, and the calls that it gets, in order. */
function watched(source = {}) {
  const told = [];
  const note = (name) => (argument) => {
    told.push(name === "cancel" ? ["cancel", String(argument?.name ?? argument)] : name);
    return source[name]?.(argument);
  };
  return { told, body: new ReadableStream({ ...source, pull: note("pull"), cancel: note("cancel") }, { highWaterMark: 0 }) };
}

const answers = ["hello", "status/404", "status/500", "no-content", "status/205", "headers", "json", "latin1", "no-reason", "interim", "extensions", "close-delimited", "chunks/3/10", "encoded/gzip", "encoded/unknown", "encoded/wrong", "truncated", "garbage", "close", "close-in-head", "bad-chunk", "two-lengths"];
const redirects = [301, 302, 303, 307, 308].flatMap((status) => ["follow", "error", "manual"].map((redirect) => [status, redirect]));

/** Replaces a long text by its length. */
const short = (found) => ({ ...found, text: found.text?.length > 1000 ? found.text.length : found.text });

export const bodies = {
  a_text: post(() => "h\u00e9llo"),
  a_blob: post(() => new Blob(["blob"])),
  a_blob_with_a_type: post(() => new Blob(["blob"], { type: "Text/X" })),
  an_array_buffer: post(() => bytes("buffer").buffer),
  a_typed_array: post(() => bytes("typed")),
  a_part_of_a_buffer: post(() => bytes("a part").subarray(2)),
  a_data_view: post(() => new DataView(bytes("a view").buffer, 2)),
  search_parameters: post(() => new URLSearchParams({ a: "\u00e9 &" })),
  a_form: async (fetch, url) => {
    const form = new FormData();
    form.append("a", "1");
    const answer = await fetch(url("echo"), { method: "POST", body: form });
    const [type, text] = [answer.headers.get("content-type"), await answer.text()];
    const boundary = text.slice(2, text.indexOf("\r\n"));
    return [type.replace(boundary, "X"), text.replaceAll(boundary, "X")];
  },
  a_form_with_a_type_of_the_callers: (fetch, url) => outcome(fetch, [url("head"), { method: "POST", body: new FormData(), headers: { "content-type": "x/y" } }]),
  an_object_that_is_made_a_text: post(() => ({ toString: () => "text" })),
  an_object_whose_text_throws: (fetch, url) => {
    const reason = new RangeError("no text");
    return outcome(fetch, [url("echo"), { method: "POST", body: { toString() { throw reason; } } }], { reason });
  },
  a_stream_without_duplex: (fetch, url) => outcome(fetch, [url("echo"), { method: "POST", body: new Blob(["x"]).stream() }]),
  a_locked_stream: (fetch, url) => {
    const body = new ReadableStream();
    body.getReader();
    return outcome(fetch, [url("echo"), { method: "POST", body, duplex: "half" }]);
  },
  a_stream_that_was_read_from: async (fetch, url) => {
    const body = new Blob(["some"]).stream();
    const reader = body.getReader();
    await reader.read();
    reader.releaseLock();
    return outcome(fetch, [url("echo"), { method: "POST", body, duplex: "half" }]);
  },
  a_stream_is_taken_at_once: async (fetch, url) => {
    const body = new Blob(["some"]).stream();
    const sent = outcome(fetch, [url("echo"), { method: "POST", body, duplex: "half" }], { more: () => body.locked });
    return (await sent).atOnce;
  },
  a_stream: (fetch, url) => outcome(fetch, [url("echo"), { method: "POST", body: new Blob(["streamed"]).stream(), duplex: "half" }], { late: true }),
  a_stream_of_what_is_no_bytes: (fetch, url) => {
    const body = new ReadableStream({ start(controller) { controller.enqueue("text"); controller.close(); } });
    return outcome(fetch, [url("echo"), { method: "POST", body, duplex: "half" }], { late: true });
  },
  a_stream_that_a_bad_member_leaves_alone: async (fetch, url) => {
    const { told, body } = watched();
    const found = await outcome(fetch, [url("echo"), { method: "POST", body, duplex: "half", mode: "nonsense" }], { more: () => body.locked });
    return [found, told];
  },
  a_stream_to_a_closed_port: async (fetch) => {
    const { told, body } = watched({ pull: (controller) => controller.enqueue(new Uint8Array(1)) });
    const found = await outcome(fetch, ["http://127.0.0.1:49151/", { method: "POST", body, duplex: "half" }]);
    return [found, told.filter((entry) => entry !== "pull")];
  },
  a_request_with_a_body_is_used_at_once: (fetch, url) => {
    const request = new Request(url("echo"), { method: "POST", body: "once" });
    return outcome(fetch, [request], { more: () => request.bodyUsed });
  },
  a_request_whose_body_is_replaced_is_used_too: (fetch, url) => {
    const request = new Request(url("echo"), { method: "POST", body: "once" });
    return outcome(fetch, [request, { body: "instead" }], { more: () => request.bodyUsed });
  },
  a_request_without_a_body_is_not_used: (fetch, url) => {
    const request = new Request(url("echo"));
    return outcome(fetch, [request], { more: () => request.bodyUsed });
  },
  a_request_that_is_refused_is_not_used: (fetch, url) => {
    const request = new Request(url("echo"), { method: "POST", body: "once" });
    return outcome(fetch, [request, { method: "GET" }], { more: () => request.bodyUsed });
  },
  a_request_that_was_read: async (fetch, url) => {
    const request = new Request(url("echo"), { method: "POST", body: "once" });
    await request.text();
    return outcome(fetch, [request]);
  },
  a_request_that_was_sent: async (fetch, url) => {
    const request = new Request(url("echo"), { method: "POST", body: "once" });
    await fetch(request);
    return outcome(fetch, [request]);
  },
  a_request_whose_body_is_locked: async (fetch, url) => {
    const request = new Request(url("echo"), { method: "POST", body: "once" });
    request.body?.getReader();
    return outcome(fetch, [request], { more: () => request.bodyUsed });
  },
  a_clone_of_a_request: (fetch, url) => outcome(fetch, [new Request(url("echo"), { method: "POST", body: "twice" }).clone()]),
  a_blob_by_its_url: async (fetch) => {
    const url = URL.createObjectURL(new Blob(["blob"], { type: "text/x" }));
    const { url: address, ...found } = await outcome(fetch, [url], { late: true });
    return [address === url, found];
  },
  a_blob_whose_url_is_revoked_after_the_call: async (fetch) => {
    const url = URL.createObjectURL(new Blob(["blob"]));
    const sent = fetch(url);
    URL.revokeObjectURL(url);
    return sent.then((response) => response.text(), (error) => error.name);
  },
  a_blob_whose_url_is_revoked_before: (fetch) => {
    const url = URL.createObjectURL(new Blob(["blob"]));
    URL.revokeObjectURL(url);
    return outcome(fetch, [url], { late: true });
  },
  ...Object.fromEntries(answers.map((answer) => [`the_answer_${answer}`, (fetch, url) => outcome(fetch, [url(answer)]).then(short)])),
  the_head_alone: (fetch, url) => outcome(fetch, [url("bytes/100"), { method: "HEAD" }]),
  ...Object.fromEntries(redirects.map(([status, redirect]) => [`a_redirect_${status}_${redirect}`, (fetch, url) => outcome(fetch, [url(`redirect/2?status=${status}&to=/lab/echo`), { method: "POST", body: "kept", redirect }])])),
  too_many_redirects: (fetch, url) => outcome(fetch, [url("redirect/21")]),
  a_redirect_of_a_stream: (fetch, url) => outcome(fetch, [url("redirect/1?status=307&to=/lab/echo"), { method: "POST", body: new Blob(["x"]).stream(), duplex: "half" }]),
  an_answer_and_its_clone: async (fetch, url) => {
    const answer = await fetch(url("hello"));
    const clone = answer.clone();
    return [await seen(clone), await seen(answer)];
  },
  an_answer_read_twice: async (fetch, url) => {
    const answer = await fetch(url("hello"));
    await answer.text();
    return answer.text().catch((error) => [error.name, answer.bodyUsed]);
  },
  an_answer_that_is_cancelled: async (fetch, url) => {
    const answer = await fetch(url("bytes/1000000"));
    await answer.body.cancel("enough");
    return [answer.bodyUsed, await answer.text().catch((error) => error.name)];
  },
  an_answer_is_of_the_engines_class: async (fetch, url) => {
    const answer = await fetch(url("hello"));
    return [answer.constructor === Response, Object.getOwnPropertyNames(answer), Object.prototype.toString.call(answer), answer.headers.constructor === Headers, answer.body.constructor === ReadableStream];
  },
  the_headers_of_an_answer_cannot_be_changed: async (fetch, url) => {
    const { headers } = await fetch(url("hello"));
    try {
      return [headers.set("x-a", "1"), headers.get("x-a")];
    } catch (error) {
      return error.name;
    }
  },
};
