/** Calls with right and wrong arguments, and the order in which members are read. */
import { outcome } from "./outcome.mjs";

const call = (...rest) => (fetch, url) => outcome(fetch, [url("head"), ...rest]);
const late = { late: true };

/** A value for each member that a Request reads, in another order than the order of reading. */
const values = {
  window: null, signal: undefined, referrerPolicy: "no-referrer", referrer: "", redirect: "follow", priority: "low", mode: "cors", method: "PUT",
  keepalive: false, integrity: "", headers: { "x-a": "1" }, duplex: "half", credentials: "omit", cache: "no-store", body: "text",
};

/** Returns a getter for each member. It records each read in `read`. */
function getters(read) {
  const made = Object.entries(values).map(([name, value]) => [name, { enumerable: true, get: () => (read.push(name), value) }]);
  return Object.defineProperties({}, Object.fromEntries(made));
}

/** The client reads these two members itself, before the Request does. */
const askedBefore = ["body", "signal"];

/** Returns a call for each value of a member. */
function each(name, all) {
  return Object.fromEntries(all.map((value) => [`${name}_${typeof value === "object" ? JSON.stringify(value) : String(value)}`, call({ method: "POST", [name]: value })]));
}

/** Arguments that are no text. */
const textless = { nothing: [], a_symbol: [Symbol("url")] };
/** Texts that are no URL for a Request. The client leaves the URL of a call without an init to the engine. */
const inputs = {
  undefined: [undefined], null: [null], a_number: [5], an_object: [{}], an_empty_text: [""], no_url: ["http://["],
  credentials: ["http://user:secret@127.0.0.1:1/"], a_port_beyond: ["http://127.0.0.1:65536/"],
};
/** URLs that the engine refuses, or answers, without the network. */
const local = {
  another_scheme: "nonsense:x", a_file: "file:///nothing", about_blank: "about:blank", javascript: "javascript:1", an_unknown_blob: "blob:null/x", a_bad_port: "http://127.0.0.1:6667/",
  data: "data:text/x;charset=utf-8,h%C3%A9", data_in_base64: "data:;base64,aGk=", no_data: "data:no", data_with_a_fragment: "data:,a#b",
};

export const init = {
  ...Object.fromEntries(Object.entries(textless).map(([name, input]) => [`input_${name}`, (fetch) => outcome(fetch, input)])),
  ...Object.fromEntries(Object.entries(inputs).map(([name, input]) => [`input_${name}`, (fetch) => outcome(fetch, input, late)])),
  ...Object.fromEntries(Object.entries(inputs).map(([name, [input]]) => [`input_${name}_with_an_init`, (fetch) => outcome(fetch, [input, { method: "POST" }])])),
  ...Object.fromEntries(Object.entries(local).map(([name, input]) => [`input_${name}`, (fetch) => outcome(fetch, [input], late)])),
  ...Object.fromEntries(Object.entries({ null: null, a_number: 5, a_text: "x", an_array: [], a_function: () => {}, true: true, empty: {} }).map(([name, value]) => [`init_${name}`, call(value)])),
  ...each("method", ["", "GE T", "CONNECT", "TRACE", "track", "get", "patch", "Patch", "QUERY", "\u00e9", null, undefined, 5]),
  ...each("headers", [null, 1, "x", undefined, [["a"]], [["a", "b", "c"]], [["x-a", "1"], ["X-A", "2"]], { "": "x" }, { "x-a": "\n" }, { "x-a": "\u0100" }, { "x-a": " b\t" }, { host: "x" }, { cookie: "a=1" }]),
  mode_same_origin: (fetch, url) => outcome(fetch, [url("head"), { mode: "same-origin" }], late),
  ...each("mode", ["", "navigate", "cors", "no-cors", "websocket", undefined, null]),
  ...each("credentials", ["", "omit", "same-origin", "include", undefined]),
  ...each("cache", ["", "default", "no-store", "reload", "no-cache", "force-cache", "only-if-cached", undefined]),
  ...each("redirect", ["", "follow", "error", "manual", undefined]),
  ...each("referrer", ["", "about:client", "http://[", "http://other.test/", undefined]),
  ...each("referrerPolicy", ["", "no-referrer", "origin", "unsafe-url", "never", undefined]),
  ...each("integrity", ["", "nonsense", "sha256-AAAA", "sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", undefined]),
  ...each("keepalive", [true, false, "yes", undefined]),
  ...each("signal", [null, undefined, {}, "x", 5]),
  ...each("window", [null, undefined, "x", {}]),
  ...each("duplex", ["half", "full", "", undefined]),
  ...each("priority", ["high", "low", "auto", "highest", undefined]),
  ...each("body", [null, undefined, "", 5, {}, true]),
  a_body_with_get: call({ body: "x" }),
  a_body_with_head: call({ method: "HEAD", body: "x" }),
  mode_no_cors_with_get: call({ mode: "no-cors" }),
  mode_no_cors_with_another_method: call({ mode: "no-cors", method: "PUT" }),
  a_frozen_init: call(Object.freeze({ method: "POST", headers: Object.freeze({ "x-a": "1" }) })),
  members_that_are_inherited: call(Object.create({ method: "PUT", body: "inherited" })),
  an_init_without_a_prototype: call(Object.assign(Object.create(null), { method: "PUT" })),
  unknown_members: call({ unknown: 1, [Symbol("x")]: 2 }),
  headers_of_the_class: (fetch, url) => outcome(fetch, [url("head"), { headers: new Headers([["x-b", "2"], ["X-A", "1"]]) }]),
  headers_that_can_be_iterated: (fetch, url) => outcome(fetch, [url("head"), { headers: new Map([["x-a", "1"]]) }]),
  headers_whose_reading_throws: (fetch, url) => {
    const reason = new RangeError("no headers");
    return outcome(fetch, [url("head"), { headers: { get "x-a"() { throw reason; } } }], { reason });
  },
  ...Object.fromEntries(Object.keys(values).map((name) => [`a_getter_that_throws_for_${name}`, (fetch, url) => {
    const reason = new RangeError(name);
    return outcome(fetch, [url("head"), { get [name]() { throw reason; } }], { reason });
  }])),
  a_url_whose_text_throws: (fetch) => {
    const reason = new RangeError("no text");
    return outcome(fetch, [{ toString() { throw reason; } }], { reason });
  },
  members_are_read_once_and_in_their_order: async (fetch, url) => {
    const read = [];
    const found = await outcome(fetch, [url("echo"), getters(read)]);
    return [found, read.filter((name) => !askedBefore.includes(name))];
  },
  the_first_argument_is_read_before_the_second: async (fetch, url) => {
    const read = [];
    await outcome(fetch, [{ toString: () => (read.push("url"), url("hello")) }, { get method() { read.push("method"); } }]);
    return read;
  },
  what_is_changed_after_the_call_changes_nothing: async (fetch, url) => {
    const [target, headers, bytes] = [new URL(url("echo")), { "x-a": "1" }, new Uint8Array([104, 105])];
    const members = { method: "POST", headers, body: bytes };
    const sent = fetch(target, members);
    [target.pathname, headers["x-a"], members.method, bytes[0]] = ["/lab/hello", "2", "PUT", 0];
    const answer = await sent;
    return [answer.url, answer.headers.get("x-method"), await answer.text()];
  },
  a_request_is_sent_as_it_is: (fetch, url) => outcome(fetch, [new Request(url("head"), { headers: { "x-a": "1" }, referrerPolicy: "no-referrer", credentials: "omit", cache: "no-store" })]),
  a_request_with_other_members: (fetch, url) => outcome(fetch, [new Request(url("head"), { method: "PUT", headers: { "x-a": "1" } }), { headers: { "x-b": "2" } }]),
  a_request_with_an_empty_init: (fetch, url) => outcome(fetch, [new Request(url("head"), { referrer: "", headers: { "x-a": "1" } }), {}]),
  a_request_of_a_subclass: (fetch, url) => outcome(fetch, [new (class extends Request {})(url("head"), { headers: { "x-a": "1" } })]),
  a_request_that_is_changed_after_the_call: async (fetch, url) => {
    const request = new Request(url("header/x-a"), { headers: { "x-a": "1" } });
    const sent = fetch(request);
    request.headers.set("x-a", "2");
    return [await (await sent).text(), request.headers.get("x-a"), request.bodyUsed];
  },
};
