/**
 * The scenarios of tests/scenarios for JavaScript: the same names and the same lab, with the packed package.
 *
 * Runs in Node and in a page, so it uses only features of both. `notHere` lists scenarios about features that JavaScript's fetch does not
 * have, with the reason.
 */
import { attemptsOf, Client, isTimeoutError, isWaterspoutError, WaterspoutError } from "waterspout";
import { events } from "waterspout/events";
import { Client as SlimClient, init as initSlim } from "waterspout/slim";
import { configured } from "./scenarios/configured.mjs";
import { eventScenarios } from "./events.mjs";
import { costs } from "./scenarios/costs.mjs";
import { errors } from "./scenarios/errors.mjs";
import { faults } from "./scenarios/faults.mjs";
import { fetches } from "./scenarios/fetches.mjs";
import { hooks } from "./scenarios/hooks.mjs";
import { observers } from "./scenarios/observers.mjs";
import { options } from "./scenarios/options.mjs";
import { retries } from "./scenarios/retries.mjs";
import { slots } from "./scenarios/slots.mjs";
import { turn, withFakes } from "./scenarios/stubs.mjs";
import { assert, bodyIs, counted, counts, equal, generated, Lab, networkFailure, rejection, rejectsWith, sleep, timesOut, trying } from "./scenarios/support.mjs";

/** The memory of the core, which is instantiated at the first use of the package. */
let memory;
const { Instance } = WebAssembly;
WebAssembly.Instance = function (...call) {
  const instance = new Instance(...call);
  memory ??= Object.values(instance.exports).find((exported) => exported instanceof WebAssembly.Memory);
  return instance;
};

/** The scenarios of the Rust list without a counterpart here, and the reasons. */
export const notHere = {
  credentials_in_the_url_become_basic_authorization: "the platform's Request refuses such a URL",
  credentials_in_the_url_appear_in_no_error: "the platform's Request refuses such a URL, with a message of its own",
  an_authorization_header_wins_over_the_url: "the platform's Request refuses such a URL",
  a_text_is_read_in_the_charset_that_the_server_names: "the text() of the platform's Response is UTF-8 always",
  a_challenge_is_answered_where_it_can_be: "the platform does not pass on challenges",
  a_multipart_form_may_have_a_stream: "the platform's FormData accepts no streams",
  a_body_beyond_the_limit_is_an_error: "the platform's Response collects its own body",
  decoding_is_switched_off_or_that_is_refused: "the platform's fetch always decodes",
  a_stream_limit_counts_what_is_decoded: "the body is the platform's own and is not watched",
  a_length_of_the_callers_own_is_refused: "the platform decides which headers a caller may set",
  a_stream_of_known_length_is_sent_whole: "the platform's fetch accepts no length",
  a_stream_shorter_than_it_says_fails_the_request: "the platform's fetch accepts no length",
  an_origin_that_fails_is_left_alone: "a JavaScript client has no circuit breaker",
  a_request_that_is_not_awaited_is_not_sent: "a JavaScript call starts at once",
  a_spawned_request_is_send_and_gives_the_response: "a JavaScript promise belongs to its thread",
  a_spawned_request_runs_without_being_polled: "a JavaScript promise belongs to its thread",
  a_spawned_request_that_is_dropped_is_stopped: "a JavaScript promise belongs to its thread",
  a_spawned_body_is_streamed_and_stops_when_dropped: "a JavaScript promise belongs to its thread",
  a_spawned_request_fails_as_any_other: "a JavaScript promise belongs to its thread",
  a_text_body_has_the_type_of_fetch: "the platform's Request gives a body its type",
  a_body_of_bytes_has_no_type: "the platform's Request gives a body its type",
  the_type_of_the_caller_wins: "the platform's Request gives a body its type",
  a_method_that_expects_a_body_declares_a_length_of_zero: "the platform's fetch derives the length from the body",
  every_method_but_head_may_have_a_body_and_fetch_refuses_get_too: "the platform's Request decides which methods have a body",
  a_method_that_the_standard_forbids_is_refused: "the platform's Request decides which methods it accepts",
  a_header_of_text_is_sent_as_utf_8: "the platform's Headers accept byte strings alone",
  all_header_bytes_beyond_ascii_are_sent_and_received: "the platform's Headers are not touched; a single byte is tested in both directions",
  a_response_knows_its_last_request: "the response is the platform's own",
  a_relative_url_resolves_against_the_page_or_is_an_error: "the platform's Request resolves its URL",
  a_typed_client_asks_and_tells: "the example is in Rust; its JavaScript is tested beside it",
  a_typed_client_streams_both_ways: "the example is in Rust; its JavaScript is tested beside it",
  a_typed_client_has_errors_of_its_own: "the example is in Rust; its JavaScript is tested beside it",
  a_typed_client_can_be_replaced: "the example is in Rust; its JavaScript is tested beside it",
};

/** Returns a `fetch` option for a client, from a function that gets a Request. */
const byRequest = (send) => async (url, init) => send(new Request(url, init));

export const scenarios = {
  async get_returns_status_headers_and_text(lab) {
    const response = await new Client().fetch(lab.url("hello"), { headers: { accept: "text/plain" } });
    assert(response instanceof Response, "the platform's own Response");
    equal([response.status, response.url, response.redirected], [200, lab.url("hello"), false]);
    equal(response.headers.get("content-type"), "text/plain; charset=utf-8");
    equal(await response.text(), "hello");
  },
  async every_method_reaches_the_server(lab) {
    const client = new Client();
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"]) {
      equal((await client.fetch(lab.url("echo"), { method })).headers.get("x-method"), method);
    }
  },
  async a_head_response_has_headers_and_no_body(lab) {
    const response = await new Client().fetch(lab.url("bytes/1000"), { method: "HEAD" });
    equal([response.headers.get("content-length"), await response.text()], ["1000", ""]);
  },
  async a_status_of_400_or_above_is_a_response(lab) {
    const client = new Client();
    for (const status of [400, 404, 500, 503, 599]) {
      const response = await client.fetch(lab.url(`status/${status}`));
      equal([response.status, response.ok, await response.text()], [status, false, `status ${status}`]);
    }
  },
  async error_for_status_keeps_good_responses_and_names_bad_statuses(lab) {
    const client = new Client({ throwHttpErrors: true });
    equal((await client.fetch(lab.url("hello"))).status, 200);
    const { message, request, response, attempts, data } = await rejectsWith(client.fetch(lab.url("status/404")), "STATUS");
    equal([message.includes("404"), request.url, response.status, attempts], [true, lab.url("status/404"), 404, 1]);
    equal([response.bodyUsed, data], [true, "status 404"]);
    equal((await client.fetch(lab.url("status/404"), { waterspout: { throwHttpErrors: false } })).status, 404);
  },
  async pairs_are_added_to_the_query(lab) {
    const text = await new Client().get(lab.url("head?a=1"), { searchParams: { b: "x y", c: "\u00e9" } }).text();
    assert(text.startsWith("GET /lab/head?a=1&b=x+y&c=%C3%A9\n"), text);
  },
  async the_query_reaches_the_server_as_written(lab) {
    const text = await (await new Client().fetch(lab.url("head?a=1&a=%20%C3%A9&b"))).text();
    assert(text.startsWith("GET /lab/head?a=1&a=%20%C3%A9&b\n"), text);
  },
  async the_fragment_stays_here(lab) {
    assert((await (await new Client().fetch(lab.url("head#fragment"))).text()).startsWith("GET /lab/head\n"), "target");
  },
  async request_headers_reach_the_server(lab) {
    const headers = { "x-one": "1", "x-two": "a\tb", accept: "x/y" };
    const text = await (await new Client().fetch(lab.url("head"), { headers })).text();
    for (const line of ["\nx-one: 1\n", "\nx-two: a\tb\n", "\naccept: x/y\n"]) assert(text.includes(line), text);
  },
  async default_headers_yield_to_the_headers_of_the_request(lab) {
    const client = new Client({ headers: { "x-one": "client", "x-two": "client" } });
    for (const call of [() => client.fetch(lab.url("head"), { headers: { "x-two": "request" } }), () => client.get(lab.url("head"), { headers: { "X-Two": "request" } })]) {
      const text = await (await call()).text();
      assert(text.includes("\nx-one: client\n") && text.includes("\nx-two: request\n") && !text.includes("x-two: client"), text);
    }
  },
  async repeated_response_headers_are_all_there(lab) {
    equal((await new Client().fetch(lab.url("headers"))).headers.get("x-twice"), "one, two");
  },
  async header_bytes_beyond_ascii_survive(lab) {
    equal((await new Client().fetch(lab.url("latin1"))).headers.get("x-latin1"), "caf\u00e9");
  },
  async header_bytes_beyond_ascii_are_sent_as_they_are(lab) {
    const headers = { "x-latin1": "caf\u00e9" };
    equal(await (await new Client().fetch(lab.url("header/x-latin1"), { headers })).text(), "99 97 102 233");
  },
  async a_date_is_sent_as_http_writes_it(lab) {
    const headers = { "if-modified-since": new Date(784_111_777_000).toUTCString() };
    const text = await (await new Client().fetch(lab.url("head"), { headers })).text();
    assert(text.includes("\nif-modified-since: Sun, 06 Nov 1994 08:49:37 GMT\n"), text);
  },
  async interim_responses_are_skipped(lab) {
    const response = await new Client().fetch(lab.url("interim"));
    equal([response.status, await response.text()], [200, "hello"]);
  },
  async no_content_has_no_body(lab) {
    const response = await new Client().fetch(lab.url("no-content"));
    equal([response.status, await response.text()], [204, ""]);
  },

  async an_empty_body_is_empty(lab) {
    await bodyIs(lab, "bytes/0", 0);
    await bodyIs(lab, "chunks/0/1", 0);
  },
  async a_body_of_declared_length_arrives_whole(lab) {
    await bodyIs(lab, "bytes/70000", 70_000);
  },
  async a_chunked_body_arrives_whole(lab) {
    await bodyIs(lab, "chunks/7/1000", 7_000);
  },
  async a_large_body_arrives_whole(lab) {
    await bodyIs(lab, "bytes/8388608", 8 << 20);
    await bodyIs(lab, "chunks/64/65536", 4 << 20);
  },
  async many_small_chunks_arrive_in_order(lab) {
    await bodyIs(lab, "chunks/3000/3", 9_000);
  },
  async a_body_may_end_with_the_connection(lab) {
    equal(await (await new Client().fetch(lab.url("close-delimited"))).text(), "until the end");
  },
  async a_body_is_streamed_as_it_comes(lab) {
    const reader = (await new Client().fetch(lab.keyed("endless"))).body.getReader();
    let seen = 0;
    while (seen < 20_000) seen += (await reader.read()).value.length;
    await reader.cancel();
  },
  async chunk_extensions_and_trailers_are_read_over(lab) {
    equal(await (await new Client().fetch(lab.url("extensions"))).text(), "hello");
  },
  async json_goes_both_ways(lab) {
    const client = new Client();
    equal(await (await client.fetch(lab.url("json"))).json(), { name: "waterspout", sizes: [1, 2, 3] });
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ a: 1 }) };
    equal(await (await client.fetch(lab.url("echo"), init)).json(), { a: 1 });
  },
  async reading_on_after_the_end_gives_nothing(lab) {
    const reader = (await new Client().fetch(lab.url("chunks/2/10"))).body.getReader();
    while (!(await reader.read()).done);
    equal((await reader.read()).done, true);
  },

  async a_gzip_body_is_decoded(lab) {
    await bodyIs(lab, "encoded/gzip", 100_000);
  },
  async a_deflate_body_is_decoded_with_and_without_a_header(lab) {
    await bodyIs(lab, "encoded/deflate", 100_000);
    await bodyIs(lab, "encoded/deflate-raw", 100_000);
  },
  async a_brotli_body_is_decoded(lab) {
    await bodyIs(lab, "encoded/br", 100_000);
  },
  async stacked_codings_are_undone_from_the_last(lab) {
    await bodyIs(lab, "encoded/both", 100_000);
  },
  async an_unknown_coding_is_left_as_it_is(lab) {
    await bodyIs(lab, "encoded/unknown", 100_000);
  },
  a_body_that_is_not_in_its_coding_is_an_error: (lab) => networkFailure(lab, "encoded/wrong"),
  async a_head_response_describes_the_encoded_body(lab) {
    const response = await new Client().fetch(lab.url("encoded/gzip"), { method: "HEAD" });
    equal([response.headers.get("content-encoding"), await response.text()], ["gzip", ""]);
  },

  async a_text_is_sent_as_it_is(lab) {
    const init = { method: "PUT", headers: { "content-type": "text/plain" }, body: "h\u00e9llo" };
    const response = await new Client().fetch(lab.url("echo"), init);
    equal([response.headers.get("content-type"), await response.text()], ["text/plain", "h\u00e9llo"]);
  },
  async a_large_body_is_sent_whole(lab) {
    const response = await new Client().fetch(lab.url("upload"), { method: "POST", body: generated(4 << 20) });
    equal(await response.text(), counted(4 << 20));
  },
  async a_post_without_a_body_is_sent(lab) {
    equal(await (await new Client().fetch(lab.url("upload"), { method: "POST" })).text(), "0 0");
    equal(await (await new Client().fetch(lab.url("upload"), { method: "POST", body: "" })).text(), "0 0");
  },
  async a_stream_is_sent_whole(lab, { streams }) {
    // A browser sends streams only over HTTP/2. Its error must reach the caller.
    const body = new Blob([generated(100_000)]).stream();
    const sent = new Client().fetch(lab.url("upload"), { method: "POST", body, duplex: "half" });
    if (streams) equal(await (await sent).text(), counted(100_000));
    else equal((await rejection(sent)).name, "TypeError");
  },
  async a_failing_stream_fails_the_request(lab) {
    const body = new ReadableStream({ start: (controller) => controller.error(new RangeError("the disk is on fire")) });
    const sent = new Client().fetch(lab.url("upload"), { method: "POST", body, duplex: "half" });
    assert((await rejection(sent)) instanceof Error, "an error");
  },

  async a_redirect_is_followed(lab) {
    for (const status of [301, 302, 303, 307, 308]) {
      const response = await new Client().fetch(lab.url(`redirect/1?status=${status}`));
      equal([response.status, response.redirected, response.url], [200, true, lab.url("hello")]);
    }
  },
  async a_chain_of_redirects_is_followed(lab) {
    equal((await new Client().fetch(lab.url("redirect/20"))).url, lab.url("hello"));
  },
  async endless_redirects_are_an_error(lab) {
    await networkFailure(lab, "redirect/21");
  },
  async a_post_becomes_a_get_after_302_and_303(lab) {
    for (const status of [302, 303]) {
      const url = lab.url(`redirect/1?status=${status}&to=/lab/echo`);
      const response = await new Client().fetch(url, { method: "POST", body: "payload" });
      equal([response.headers.get("x-method"), await response.text()], ["GET", ""]);
    }
  },
  async method_and_body_survive_307_and_308(lab) {
    for (const status of [307, 308]) {
      const url = lab.url(`redirect/2?status=${status}&to=/lab/echo`);
      const response = await new Client().fetch(url, { method: "PUT", body: "payload" });
      equal([response.headers.get("x-method"), await response.text()], ["PUT", "payload"]);
    }
  },
  async a_redirect_can_be_made_an_error(lab) {
    const error = await rejection(new Client().fetch(lab.url("redirect/1"), { redirect: "error" }));
    equal(error.name, "TypeError");
  },

  async a_redirect_can_be_left_to_the_caller(lab) {
    const response = await new Client().fetch(lab.url("redirect/1?status=301"), { redirect: "manual" });
    // A page only sees that there is a redirect.
    if (response.type === "opaqueredirect") equal([response.status, response.redirected], [0, false]);
    else equal([response.status, response.headers.get("location")], [301, "/lab/hello"]);
  },

  async basic_and_bearer_credentials_reach_the_server(lab) {
    for (const authorization of [`Basic ${btoa("Aladdin:open sesame")}`, "Bearer abc.def~=="]) {
      const text = await (await new Client().fetch(lab.url("head"), { headers: { authorization } })).text();
      assert(text.includes(`\nauthorization: ${authorization}\n`), text);
    }
  },
  async credentials_do_not_follow_to_another_origin(lab) {
    const away = lab.url("head").replace("127.0.0.1", "localhost");
    const headers = { authorization: "Basic c2VjcmV0", "x-kept": "yes" };
    const text = await (await new Client().fetch(lab.url(`redirect/2?to=${away}`), { headers })).text();
    assert(text.includes("\nx-kept: yes\n") && !text.includes("authorization"), text);
  },
  async a_form_is_posted(lab) {
    const body = new URLSearchParams([["name", "J\u00fcrgen"], ["to", "a&b=c d+e"], ["empty", ""]]);
    const response = await new Client().fetch(lab.url("echo"), { method: "POST", body });
    assert(response.headers.get("content-type").startsWith("application/x-www-form-urlencoded"), "the content type");
    equal(await response.text(), "name=J%C3%BCrgen&to=a%26b%3Dc+d%2Be&empty=");
  },
  async a_multipart_form_is_posted(lab) {
    const body = new FormData();
    body.append('na"me', "value");
    body.append("file", new Blob(["a\0\n"], { type: "application/x-test" }), '"q" \u00e9.bin');
    // Without a redirect: after a redirect, Node 20 writes another boundary than its header says.
    const response = await new Client().fetch(lab.url("echo"), { method: "POST", body });
    const sent = await response.text();
    const boundary = sent.slice(2, sent.indexOf("\r\n"));
    assert(response.headers.get("content-type").includes(boundary), response.headers.get("content-type"));
    const text = sent.replaceAll(boundary, "X").trimEnd();
    const expected = [
      '--X\r\nContent-Disposition: form-data; name="na%22me"\r\n\r\nvalue\r\n',
      '--X\r\nContent-Disposition: form-data; name="file"; filename="%22q%22 \u00e9.bin"\r\n',
      "Content-Type: application/x-test\r\n\r\na\0\n\r\n--X--",
    ];
    equal(text, expected.join(""));
  },

  async an_unparsable_url_is_named() {
    const error = await rejection(new Client().fetch("http://[::1"));
    assert(error instanceof TypeError && error.message.includes("http://[::1"), String(error));
  },
  async an_unsupported_scheme_is_named() {
    assert((await rejection(new Client().fetch("ftp://example.com/"))) instanceof TypeError, "a TypeError");
  },
  async a_header_with_a_line_break_is_refused(lab) {
    for (const headers of [{ "x-a": "1\r\nx-b: 2" }, { "x-a": "1\n2" }, { "x-a": "1\0" }, { "x\r\n": "1" }, { "": "1" }]) {
      assert((await rejection(new Client().fetch(lab.url("hello"), { headers }))) instanceof TypeError, "a TypeError");
    }
  },
  async a_body_on_a_get_is_refused_by_fetch(lab) {
    assert((await rejection(new Client().fetch(lab.url("hello"), { body: "surprise" }))) instanceof TypeError, "a TypeError");
  },
  async a_refused_connection_is_an_error() {
    const error = await rejection(new Client().fetch("http://127.0.0.1:49151/"));
    assert(error instanceof TypeError && !isWaterspoutError(error), String(error));
  },
  closing_without_an_answer_is_an_error: (lab) => networkFailure(lab, "close"),
  closing_within_the_head_is_an_error: (lab) => networkFailure(lab, "close-in-head"),
  closing_within_a_body_is_an_error: (lab) => networkFailure(lab, "truncated"),
  closing_within_a_chunked_body_is_an_error: (lab) => networkFailure(lab, "truncated-chunked"),
  garbage_is_an_error: (lab) => networkFailure(lab, "garbage"),
  a_signed_chunk_size_is_an_error: (lab) => networkFailure(lab, "bad-chunk"),
  two_different_lengths_are_an_error: (lab) => networkFailure(lab, "two-lengths"),
  a_huge_head_is_an_error: (lab) => networkFailure(lab, "huge-head"),

  async the_total_limit_covers_the_wait_for_the_head(lab) {
    const sent = new Client().fetch(lab.url("silence"), { waterspout: { timeout: { total: 60 } } });
    await timesOut(sent, "waiting for the response's head (limit `total`: 60 ms)");
  },
  async the_request_limit_covers_the_wait_for_the_head(lab) {
    for (const timeout of [60, { request: 60 }]) {
      const sent = new Client().fetch(lab.url("silence"), { waterspout: { timeout } });
      await timesOut(sent, "waiting for the response's head (limit `request`: 60 ms)");
    }
  },
  async the_request_limit_covers_the_body(lab) {
    const response = await new Client({ timeout: 1_500 }).fetch(lab.keyed("endless"));
    const read = response.text();
    await rejection(read);
    equal(await lab.recall("ended", "?wait=5000"), "true");
    await timesOut(read, "reading the body (limit `request`: 1500 ms)");
  },
  async the_total_limit_covers_the_body(lab) {
    const response = await new Client({ timeout: { total: 1_500 } }).fetch(lab.keyed("endless"));
    const read = response.text();
    await rejection(read);
    equal(await lab.recall("ended", "?wait=5000"), "true");
    await timesOut(read, "reading the body (limit `total`: 1500 ms)");
  },
  async the_head_limit_covers_the_wait_for_the_head(lab) {
    await timesOut(new Client({ timeout: { head: 60 } }).fetch(lab.url("silence")), "limit `head`: 60 ms");
  },
  async the_idle_limit_covers_a_stalled_body(lab) {
    const response = await new Client().fetch(lab.url("stall"), { waterspout: { timeout: { idle: 300 } } });
    const reader = response.body.getReader();
    equal(new TextDecoder().decode((await reader.read()).value), "first");
    await timesOut(reader.read(), "waiting for a piece of the body (limit `idle`: 300 ms)");
  },
  async a_slow_but_steady_body_is_not_idle(lab) {
    const client = new Client({ timeout: { idle: 1_000 } });
    const response = await client.fetch(lab.url("slow?chunks=24&size=100&gap=50"));
    equal((await response.arrayBuffer()).byteLength, 2_400);
  },
  async a_limit_of_zero_is_none(lab) {
    const client = new Client({ timeout: { head: 20, request: 20, total: 20 } });
    const init = { waterspout: { timeout: { head: 0, request: 0, total: 0 } } };
    equal((await client.fetch(lab.url("slow?head=80"), init)).status, 200);
  },
  async a_request_overrides_its_client(lab) {
    const client = new Client({ timeout: 30 });
    await timesOut(client.fetch(lab.url("silence")), "limit `request`: 30 ms");
    equal((await client.fetch(lab.url("slow?head=100"), { waterspout: { timeout: 10_000 } })).status, 200);
  },
  async the_queue_limit_covers_the_wait_for_a_slot(lab) {
    const client = new Client({ maxActive: 1, timeout: { queue: 50 } });
    const first = client.fetch(lab.url("silence"), { waterspout: { timeout: { total: 300 } } });
    const second = client.fetch(lab.keyed("hit", "?name=second"));
    await Promise.all([timesOut(first, "limit `total`"), timesOut(second, "waiting for a free slot (limit `queue`: 50 ms)")]);
    equal(await lab.recall("hits"), "");
  },
  async the_total_limit_covers_the_queue(lab) {
    const client = new Client({ maxActive: 1 });
    const first = client.fetch(lab.url("silence"), { waterspout: { timeout: 300 } });
    const second = client.fetch(lab.url("hello"), { waterspout: { timeout: { total: 50 } } });
    await Promise.all([timesOut(first, "head"), timesOut(second, "waiting for a free slot (limit `total`: 50 ms)")]);
  },
  async the_request_limit_begins_when_the_request_leaves_the_queue(lab) {
    const client = new Client({ maxActive: 1 });
    const first = client.fetch(lab.url("silence"), { waterspout: { timeout: 600 } });
    // It waits longer than its limit for its slot, and then has the whole limit.
    const second = client.fetch(lab.url("hello"), { waterspout: { timeout: 500 } });
    await timesOut(first, "head (limit `request`: 600 ms)");
    equal((await second).status, 200);
  },

  async at_most_max_active_run(lab) {
    const client = new Client({ maxActive: 3 });
    const requests = Array.from({ length: 12 }, (_, n) => client.fetch(lab.keyed("busy", `?ms=20&n=${n}`)));
    for (const response of await Promise.all(requests)) equal(await response.text(), "done");
    equal(await lab.recall("peak"), "3");
  },
  async a_slot_is_held_until_the_body_has_been_read(lab) {
    const queue = { timeout: { queue: 60 } };
    const calls = [(client, url, options) => client.get(url, options), (client, url, options) => client.fetch(url, { waterspout: { slot: "body", ...options } })];
    for (const call of calls) {
      const client = new Client({ maxActive: 1 });
      const { body } = await call(client, lab.keyed("endless"));
      const reader = body.getReader();
      await reader.read();
      await timesOut(call(client, lab.url("hello"), queue), "limit `queue`: 60 ms");
      await reader.cancel();
      const read = await call(client, lab.url("chunks/3/10"), queue);
      equal((await read.arrayBuffer()).byteLength, 30);
      equal((await call(client, lab.url("hello"), queue)).status, 200);
    }
  },
  async the_first_to_come_is_the_first_served(lab) {
    const client = new Client({ maxActive: 1 });
    const names = ["a", "b", "c", "d", "e", "f"];
    await Promise.all(names.map((name) => client.fetch(lab.keyed("hit", `?name=${name}&ms=5`))));
    equal(await lab.recall("hits"), names.join(" "));
  },
  async a_failure_frees_its_slot(lab) {
    const client = new Client({ maxActive: 1 });
    for (const experiment of ["close", "garbage"]) {
      const failing = rejection(client.fetch(lab.url(experiment)));
      const next = client.fetch(lab.url("hello"));
      await failing;
      equal(await (await next).text(), "hello");
    }
    equal(counts(client), { active: 0, queued: 0 });
  },
  async a_timeout_frees_its_slot(lab) {
    const client = new Client({ maxActive: 1 });
    const silent = client.fetch(lab.url("silence"), { waterspout: { timeout: 50 } });
    const next = client.fetch(lab.url("hello"));
    await timesOut(silent, "head");
    equal(await (await next).text(), "hello");
    equal(counts(client), { active: 0, queued: 0 });
  },
  async stats_count_the_active_and_the_queued(lab) {
    const client = new Client({ maxActive: 2 });
    equal(counts(client), { active: 0, queued: 0 });
    const requests = Array.from({ length: 5 }, (_, n) => client.fetch(lab.url(`slow?head=40&n=${n}`)));
    equal(counts(client), { active: 2, queued: 3 });
    await Promise.all(requests);
    equal(counts(client), { active: 0, queued: 0 });
  },
  async fifty_requests_share_ten_slots(lab) {
    const { fetch } = new Client();
    const requests = Array.from({ length: 50 }, (_, index) => fetch(lab.url(`bytes/${index * 997}`)));
    const lengths = await Promise.all(requests.map(async (sent) => (await (await sent).arrayBuffer()).byteLength));
    assert(lengths.every((length, index) => length === index * 997), JSON.stringify(lengths));
  },

  async a_request_dropped_in_the_queue_is_never_sent(lab) {
    const client = new Client({ maxActive: 1 });
    const running = client.fetch(lab.url("slow?head=60"));
    const controller = new AbortController();
    const waiting = client.fetch(lab.keyed("hit", "?name=dropped"), { signal: controller.signal });
    equal(counts(client), { active: 1, queued: 1 });
    const reason = new Error("changed my mind");
    controller.abort(reason);
    assert((await rejection(waiting)) === reason, "the caller's own reason");
    equal(counts(client), { active: 1, queued: 0 });
    await running;
    await client.fetch(lab.keyed("hit", "?name=later"));
    equal(await lab.recall("hits"), "later");
  },
  async a_request_dropped_before_its_head_frees_its_slot(lab) {
    const client = new Client({ maxActive: 1 });
    const controller = new AbortController();
    const silent = client.fetch(lab.url("silence"), { signal: controller.signal });
    await sleep(30);
    controller.abort();
    equal((await rejection(silent)).name, "AbortError");
    equal(await (await client.fetch(lab.url("hello"))).text(), "hello");
    equal(counts(client), { active: 0, queued: 0 });
  },
  async dropping_the_body_ends_the_download(lab) {
    const controller = new AbortController();
    const response = await new Client().fetch(lab.keyed("endless"), { signal: controller.signal });
    await response.body.getReader().read();
    equal(await lab.recall("ended"), "false");
    controller.abort();
    equal(await lab.recall("ended", "?wait=5000"), "true");
  },

  async nothing_is_tried_again_unless_asked(lab) {
    const response = await new Client().fetch(lab.keyed("flaky", "?fail=1"));
    equal([response.status, attemptsOf(response)], [503, 1]);
    equal((await new Client().fetch(lab.keyed("flaky", "?fail=1"))).status, 200);
  },
  async a_passing_failure_is_tried_again(lab) {
    for (const status of [429, 500, 502, 503, 504]) {
      const response = await trying().fetch(lab.keyed("flaky", `?fail=2&status=${status}`));
      equal([response.status, attemptsOf(response)], [200, 3], `after ${status}`);
    }
  },
  async the_last_answer_is_returned_as_it_is(lab) {
    const response = await trying().fetch(lab.keyed("flaky", "?fail=3&status=502"));
    equal([response.status, attemptsOf(response), await response.text()], [502, 3, "failed with 502"]);
    equal((await trying().fetch(lab.keyed("flaky", "?fail=3"))).status, 200);
  },
  async a_body_is_sent_again_whole(lab) {
    const body = "again ".repeat(10_000);
    const response = await trying().fetch(lab.keyed("flaky", "?fail=2"), { method: "PUT", body });
    equal(attemptsOf(response), 3);
    assert((await response.text()) === body, "the whole body");
  },
  async a_post_is_not_tried_again(lab) {
    const post = () => trying().fetch(lab.keyed("flaky", "?fail=1"), { method: "POST", body: "order" });
    const response = await post();
    equal([response.status, attemptsOf(response)], [503, 1]);
    equal(await (await post()).text(), "order");
  },
  async the_server_says_how_long_to_wait(lab) {
    const before = performance.now();
    equal((await trying().fetch(lab.keyed("flaky", "?fail=1&after=1"))).status, 200);
    assert(performance.now() - before >= 990, "a second");
    // The server's delay is cut to `maxDelay`.
    equal((await trying({ maxDelay: 30 }).fetch(lab.keyed("flaky", "?fail=1&after=3600"))).status, 200);
  },
  async each_attempt_has_its_own_limit(lab) {
    const before = performance.now();
    const response = await trying().fetch(lab.keyed("flaky", "?fail=1&status=0"), { waterspout: { timeout: { head: 1_500 } } });
    equal([response.status, attemptsOf(response)], [200, 2]);
    assert(performance.now() - before >= 1_490, "the first took its time");
  },
  async a_request_that_backs_off_holds_no_slot(lab) {
    const client = new Client({ maxActive: 1, retry: { attempts: 3, baseDelay: 5 } });
    const flaky = client.fetch(lab.keyed("flaky", "?fail=1&after=1"));
    while (client.stats().active > 0) await sleep(5);
    equal(await client.get(lab.url("hello"), { waterspout: { timeout: { queue: 500 } } }).text(), "hello");
    equal(attemptsOf(await flaky), 2);
  },
  async hooks_see_each_attempt(lab) {
    const notes = [];
    const hooks = {
      beforeRequest({ request, attempt }) {
        request.headers.set("x-hook", "seen");
        notes.push(`request ${attempt}`);
      },
      afterResponse: async ({ response }) => void notes.push(`response ${response.status}`),
      beforeRetry: ({ status, attempt }) => void notes.push(`retry ${attempt} after ${status}`),
    };
    const client = new Client({ retry: { baseDelay: 5 }, hooks });
    await client.fetch(lab.keyed("flaky", "?fail=1"));
    equal(notes, ["request 1", "response 503", "retry 2 after 503", "request 2", "response 200"]);
    const head = await client.get(lab.url("head")).text();
    assert(head.includes("x-hook: seen"), head);
  },

  async at_most_max_active_per_origin_run(lab) {
    const client = new Client({ maxActivePerOrigin: 2 });
    const requests = Array.from({ length: 8 }, (_, n) => client.fetch(lab.keyed("busy", `?ms=20&n=${n}`)));
    equal(client.stats().origins, [{ origin: new URL(lab.base).origin, active: 2, queued: 6 }]);
    for (const response of await Promise.all(requests)) equal(await response.text(), "done");
    equal([await lab.recall("peak"), client.stats().origins], ["2", []]);
  },
  async the_higher_priority_goes_first(lab) {
    const client = new Client({ maxActive: 1 });
    const all = Object.entries({ first: 0, low: -5, equal: 0, high: 5, next: 0 });
    await Promise.all(all.map(([name, priority]) => client.fetch(lab.keyed("hit", `?name=${name}&ms=5`), { waterspout: { priority } })));
    equal(await lab.recall("hits"), "first high equal next low");
  },
  async a_full_queue_turns_away(lab) {
    const client = new Client({ maxActive: 1, maxQueued: 1 });
    const text = () => client.get(lab.url("slow?head=20")).text();
    const [first, second, third] = [text(), text(), rejectsWith(client.fetch(lab.url("hello")), "QUEUE_FULL")];
    await Promise.all([first, second]);
    const { attempts, request } = await third;
    equal([attempts, request.url], [0, lab.url("hello")]);
  },
  async a_paused_client_starts_nothing(lab) {
    const client = new Client();
    client.pause();
    await timesOut(client.fetch(lab.url("hello"), { waterspout: { timeout: { queue: 30 } } }), "limit `queue`: 30 ms");
    const waiting = client.get(lab.url("hello")).text();
    client.resume();
    equal(await waiting, "hello");
  },
  async a_cleared_queue_goes_on(lab) {
    const client = new Client({ maxActive: 1 });
    const [running, waiting] = [client.fetch(lab.url("slow?head=20")), rejectsWith(client.fetch(lab.url("hello")), "CLEARED")];
    equal(client.clear(), 1);
    await Promise.all([running, waiting]);
    equal(await client.get(lab.url("hello")).text(), "hello");
  },
  async a_closed_client_finishes_what_it_has(lab) {
    const client = new Client({ maxActive: 1 });
    const [running, waiting] = [client.fetch(lab.url("slow?head=20")), client.get(lab.url("hello")).text()];
    client.close();
    await running;
    equal(await waiting, "hello");
    await rejectsWith(client.fetch(lab.url("hello")), "CLOSED");
  },
  async a_client_closed_at_once_ends_what_runs(lab) {
    // The client cannot end the body of the platform's response, so there is no body here.
    const client = new Client({ maxActive: 2, timeout: 60_000 });
    let reason;
    const hooks = { beforeRequest: ({ request }) => request.signal.addEventListener("abort", () => (reason = request.signal.reason)) };
    const running = [1, 2].map((n) => rejectsWith(client.fetch(lab.url(`silence?n=${n}`), { waterspout: { hooks } }), "CLOSED"));
    const waiting = rejectsWith(client.fetch(lab.url("hello")), "CLOSED");
    await sleep(20);
    client.close({ now: true });
    await Promise.all([...running, waiting]);
    equal(counts(client), { active: 0, queued: 0 });
    assert(isWaterspoutError(reason, "CLOSED"), "the platform is told");
  },
  async a_rate_limit_keeps_requests_apart(lab) {
    const client = new Client({ rateLimit: { requests: 1, per: 1_000 } });
    const limited = { waterspout: { timeout: { queue: 30 } } };
    const [first, second, third] = [client.fetch(lab.url("hello")), client.fetch(lab.url("hello"), limited), client.fetch(lab.url("hello"))];
    await Promise.all([first, timesOut(second, "limit `queue`"), third]);
    const { waits } = client.stats();
    assert(waits.longest >= 150 && waits.count === 2, JSON.stringify(waits));
  },

  async events_arrive_as_they_are_sent(lab) {
    const seen = [];
    for await (const event of new Client().events(lab.url("events?total=2&stay=1"))) {
      seen.push(event);
      if (seen.length === 2) break;
    }
    equal(seen, [{ event: "count", data: "1\nGET ", id: "1" }, { event: "count", data: "2\nGET ", id: "2" }]);
  },
  async a_stream_of_events_that_ends_goes_on_after_the_last(lab) {
    const ids = [];
    for await (const { id } of new Client().events(lab.url("events?total=5&burst=2"))) ids.push(id);
    equal(ids, ["1", "2", "3", "4", "5"]);
  },
  async events_that_are_asked_for_by_post_are_asked_for_again(lab) {
    const data = [];
    const init = { method: "POST", body: "question", reconnect: true };
    for await (const event of events(new Client(), lab.url("events?total=2&burst=1"), init)) data.push(event.data);
    equal(data, ["1\nPOST question", "2\nPOST question"]);
  },
  async what_is_no_stream_of_events_is_an_error(lab) {
    const client = new Client();
    for (const [experiment, code] of [["hello", "DECODE"], ["status/503", "STATUS"]]) {
      const error = await rejection(events(client, lab.url(experiment)).next());
      assert(isWaterspoutError(error, code) && error.attempts === 1, `${error}, ${error.attempts} attempts`);
    }
    equal(client.stats().active, 0);
  },
  async dropping_the_events_frees_their_slot(lab) {
    const client = new Client({ maxActive: 1 });
    for await (const { data } of events(client, lab.url("events?total=9&burst=1&stay=1"))) {
      equal(data, "1\nGET ");
      break;
    }
    equal(await client.get(lab.url("hello")).text(), "hello");
  },
};

/** Scenarios of the JavaScript package alone. */
export const only = {
  // The first list needs a slim entry without its module, so it stands before the scenario that loads the module.
  ...configured,
  ...costs,
  ...errors,
  ...eventScenarios,
  ...faults,
  ...fetches,
  ...hooks,
  ...observers,
  ...options,
  ...retries,
  ...slots,
  fetch_looks_like_the_platforms(lab) {
    const { fetch } = new Client();
    equal([fetch.name, fetch.length], ["fetch", 1]);
  },
  async fetch_needs_an_argument_and_is_no_constructor(lab) {
    const { fetch } = new Client();
    assert((await rejection(fetch())) instanceof TypeError, "without an argument");
    let made;
    try {
      made = new fetch(lab.url("hello"));
    } catch (error) {
      equal(error.name, "TypeError");
    }
    assert(!made && !("prototype" in fetch), "not made by new");
  },
  async what_fetch_is_called_upon_is_the_platforms_to_judge(lab) {
    const thisArgs = [];
    const client = new Client({ fetch() { thisArgs.push(this); return Promise.resolve(new Response()); } });
    const { fetch } = client;
    const holder = { fetch };
    for (const call of [() => client.fetch(lab.url("a")), () => fetch(lab.url("b")), () => holder.fetch(lab.url("c")), () => fetch.call(null, lab.url("d"))]) await call();
    assert(thisArgs.every((found) => found === globalThis), "called on no object, or on the object that holds it");
    await fetch.call(thisArgs, lab.url("e"));
    assert(thisArgs.at(-1) === thisArgs, "called on another object");
    const own = { Promise: class extends Promise {} };
    assert(fetch.call(own, lab.url("f")) instanceof own.Promise, "a promise of the realm that it is called on");
    // The fetch of workerd throws at once.
    const calledOnAnObject = async (fetch) => fetch.call({}, lab.url("hello")).then(() => "answered");
    const [plain, ours] = await Promise.all([globalThis.fetch, new Client().fetch].map((fetch) => calledOnAnObject(fetch).catch((error) => error.name)));
    equal(ours, plain, "called on an object");
  },
  async an_aborted_signal_rejects_at_once(lab) {
    let called = false;
    const client = new Client({ fetch: () => (called = true) });
    const reason = new Error("too late");
    const error = await rejection(client.fetch(lab.url("hello"), { signal: AbortSignal.abort(reason) }));
    assert(error === reason && !called, "rejected with the reason, nothing sent");
  },
  async the_platform_is_called_in_the_same_tick_if_nothing_waits(lab) {
    let called = 0;
    const client = new Client({ maxActive: 1, fetch: (...call) => (called++, fetch(...call)) });
    const first = client.fetch(lab.url("hello"));
    equal(called, 1, "calls after the first");
    const second = client.fetch(lab.url("hello"));
    equal(called, 1, "calls after the second");
    await Promise.all([first, second]);
    equal(called, 2, "calls in the end");
  },
  async no_turn_of_the_loop_is_waited_for() {
    const nothing = () => undefined;
    for (const settings of [{}, { timeout: 5_000, retry: 2 }, { maxActivePerOrigin: 1 }, { hooks: { beforeRequest: nothing, afterResponse: nothing } }]) {
      const client = new Client({ maxActive: 1, fetch: async () => new Response(null, { status: 204 }), ...settings });
      const order = [];
      // Workerd has no ports at older compatibility dates.
      const channel = globalThis.MessageChannel && new MessageChannel();
      const message = new Promise((resolve) => (channel ? (channel.port1.onmessage = resolve) : setTimeout(resolve)));
      channel?.port2.postMessage("a turn");
      const turns = [message, sleep(0)].map((turn) => turn.then(() => order.push("turn")));
      const answers = [1, 2].map((n) => client.fetch("http://a.test/").then(() => order.push(n)));
      await Promise.all([...answers, ...turns]);
      channel?.port1.close();
      // This includes the waiting request: a free slot goes to the next request in the same turn.
      equal(order, [1, 2, "turn", "turn"], JSON.stringify(settings));
    }
  },
  async the_clients_fetch_may_replace_the_global_fetch(lab) {
    const original = globalThis.fetch;
    const client = new Client();
    globalThis.fetch = client.fetch;
    try {
      equal(await (await globalThis.fetch(lab.url("hello"))).text(), "hello");
    } finally {
      globalThis.fetch = original;
    }
  },
  async the_response_is_the_very_object_of_the_platform(lab) {
    let made;
    const client = new Client({ fetch: async (...call) => (made = await fetch(...call)) });
    assert((await client.fetch(lab.url("hello"))) === made, "the same object");
  },
  async unknown_members_reach_the_platform_and_ours_do_not(lab) {
    let seen;
    const own = globalThis.fetch;
    globalThis.fetch = (request, init) => ((seen = init), own(request));
    try {
      await new Client().fetch(lab.url("hello"), { next: { tags: ["a"] }, method: "GET", waterspout: { timeout: 5_000 } });
    } finally {
      globalThis.fetch = own;
    }
    equal([seen.next, "waterspout" in seen, "method" in seen], [{ tags: ["a"] }, false, false]);
  },
  async a_member_that_the_platform_does_not_read_is_not_read(lab) {
    const read = [];
    const init = Object.defineProperty({}, "window", { enumerable: true, get: () => void read.push("window") });
    const cache = Object.defineProperty({}, "cache", { enumerable: true, get: () => void read.push("cache") });
    for (const members of [init, cache]) await new Client().fetch(lab.url("hello"), members);
    const theirs = [];
    new Request(lab.url("hello"), Object.defineProperty({}, "window", { get: () => void theirs.push("window") }));
    equal(read, [...theirs, "cache"]);
  },
  async an_abort_reaches_the_platform_with_limits_set_too(lab) {
    const controller = new AbortController();
    const client = new Client({ timeout: 10_000 });
    const response = await client.fetch(new Request(lab.keyed("endless"), { signal: controller.signal }));
    controller.abort();
    equal((await rejection(response.text())).name, "AbortError");
    equal(await lab.recall("ended", "?wait=5000"), "true");
  },
  async the_last_error_is_the_platforms_own() {
    const error = await rejection(trying().fetch("http://127.0.0.1:49151/"));
    equal([error.name, isWaterspoutError(error), attemptsOf(error)], ["TypeError", false, 3]);
  },
  async a_body_made_anew_is_sent_again(lab) {
    let made = 0;
    const retry = { attempts: 3, baseDelay: 5, methods: ["POST"] };
    const body = () => `body ${++made}`;
    const response = await new Client().post(lab.keyed("flaky", "?fail=2"), { body, waterspout: { retry } });
    equal([await response.text(), attemptsOf(response)], ["body 3", 3]);
  },
  async a_form_sent_again_has_its_own_boundary() {
    const body = new FormData();
    body.append("name", "value");
    const told = [];
    const transport = async (request) => {
      // Read before the body: Bun computes the type from the body when the header is read.
      const type = request.headers.get("content-type");
      const boundary = (await request.text()).slice(2).split("\r\n")[0];
      told.push(type.includes(boundary));
      return new Response(null, { status: told.length < 2 ? 503 : 200 });
    };
    const client = new Client({ fetch: byRequest(transport), retry: { baseDelay: 0 } });
    await client.fetch("http://127.0.0.1:1/", { method: "PUT", body });
    equal(told, [true, true]);
  },
  async origins_do_not_wait_for_each_other() {
    const started = [];
    const client = new Client({ maxActivePerOrigin: 1, fetch: byRequest(async ({ url }) => (started.push(url), new Response(null))) });
    const urls = ["http://a.test/1", "http://a.test/2", "http://b.test/1", "http://a.test:81/1"];
    const requests = urls.map((url) => client.fetch(url));
    equal(started, [urls[0], urls[2], urls[3]]);
    await Promise.all(requests);
    equal(started.length, 4);
  },
  async the_body_of_a_request_is_sent_again(lab) {
    const request = new Request(lab.keyed("flaky", "?fail=1"), { method: "PUT", body: "again" });
    const response = await trying().fetch(request);
    equal([response.status, attemptsOf(response), await response.text()], [200, 2, "again"]);
  },
  async a_predicate_decides_about_another_attempt(lab) {
    const seen = [];
    const when = ({ response, attempt, default: wanted }) => (seen.push([response.status, attempt, wanted]), attempt < 2);
    const response = await trying({ when }).fetch(lab.keyed("flaky", "?fail=3&status=503"), { method: "POST", body: "x" });
    equal([seen, attemptsOf(response)], [[[503, 1, false], [503, 2, false]], 2]);
    for (let round = 0; round < 2; round++) await fetch(lab.keyed("flaky", "?fail=3"));
  },
  async an_abort_ends_the_wait_before_another_attempt(lab) {
    const controller = new AbortController();
    const client = new Client({ fetch: async () => new Response(null, { status: 503, headers: { "retry-after": "60" } }), retry: 2 });
    const waiting = rejection(client.fetch(lab.url("hello"), { signal: controller.signal }));
    while (client.stats().active > 0) await sleep(1);
    controller.abort("enough");
    equal([await waiting, counts(client)], ["enough", { active: 0, queued: 0 }]);
  },
  async a_wait_beyond_a_limit_of_the_request_is_not_begun() {
    for (const timeout of [5_000, { total: 5_000 }, { request: 5_000, total: 600_000 }, { request: 600_000, total: 5_000 }]) {
      const client = new Client({ fetch: async () => new Response("busy", { status: 503, headers: { "retry-after": "60" } }), retry: 2, timeout });
      const response = await client.fetch("http://127.0.0.1:1/");
      equal([response.status, await response.text(), attemptsOf(response)], [503, "busy", 1]);
    }
  },
  async the_limit_that_passes_first_is_named() {
    const fetch = (_, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    for (const [timeout, limit] of [[{ request: 30, total: 5_000 }, "request"], [{ request: 5_000, total: 30 }, "total"]]) {
      await timesOut(new Client({ fetch, timeout }).fetch("http://127.0.0.1:1/"), `limit \`${limit}\`: 30 ms`);
    }
  },
  async limits_of_the_request_cover_the_queue_before_a_retry() {
    for (const [timeout, limit] of [[100, "request"], [{ total: 100 }, "total"]]) {
      // The first attempt fails at once. A request without limits then takes the only slot.
      const fetch = async (url) => (url.endsWith("/busy") ? new Response(null, { status: 503 }) : new Promise(() => {}));
      const client = new Client({ fetch, maxActive: 1 });
      const retried = client.fetch("http://127.0.0.1:1/busy", { waterspout: { timeout, retry: { attempts: 2, baseDelay: 10 } } });
      const controller = new AbortController();
      const silent = rejection(client.fetch("http://127.0.0.1:1/silence", { signal: controller.signal }));
      await timesOut(retried, `waiting for a free slot (limit \`${limit}\`: 100 ms)`);
      controller.abort("enough");
      equal([await silent, counts(client)], ["enough", { active: 0, queued: 0 }]);
    }
  },
  async a_batch_with_few_slots_loses_nothing() {
    const fetch = () => sleep(100).then(() => new Response("hello"));
    const client = new Client({ fetch, maxActive: 2, timeout: 500 });
    const responses = await Promise.all(Array.from({ length: 20 }, () => client.fetch("http://127.0.0.1:1/")));
    equal(responses.filter(({ status }) => status === 200).length, 20);
  },
  async closing_at_once_ends_the_wait_before_another_attempt() {
    const client = new Client({ fetch: async () => new Response(null, { status: 503, headers: { "retry-after": "60" } }), retry: 2 });
    const waiting = rejectsWith(client.fetch("http://127.0.0.1:1/"), "CLOSED");
    while (client.stats().active > 0) await sleep(1);
    client.close({ now: true });
    equal((await waiting).attempts, 1);
  },
  async a_date_says_when_to_try_again() {
    const start = 1_700_000_000_000;
    const date = (after) => new Date(start + after).toUTCString();
    const cases = [
      [{ "retry-after": date(1_000), date: date(0) }, 503],
      [{ "ratelimit-reset": "1" }, 429],
      [{ "x-ratelimit-reset": String(start / 1000 + 1), date: date(0) }, 429],
    ];
    for (const [headers, status] of cases) {
      let calls = 0;
      const client = new Client({ fetch: async () => new Response(null, calls++ ? {} : { status, headers }), retry: { baseDelay: 0 } });
      const before = performance.now();
      await client.fetch("http://127.0.0.1:1/");
      assert(calls === 2 && performance.now() - before >= 990, JSON.stringify(headers));
    }
  },
  async a_hook_may_answer_or_send_something_else(lab) {
    const answered = await new Client({ hooks: { beforeRequest: () => new Response("mine") }, fetch: () => { throw new Error("no"); } }).fetch(lab.url("hello"));
    equal(await answered.text(), "mine");
    const beforeRequest = async ({ request }) => new Request(request.url.replace("status/500", "hello"));
    equal(await new Client({ hooks: { beforeRequest } }).get(lab.url("status/500")).text(), "hello");
    const afterResponse = ({ response }) => new Response(`was ${response.status}`);
    equal(await new Client({ hooks: { afterResponse } }).get(lab.url("hello")).text(), "was 200");
  },
  async a_hook_that_hangs_is_within_the_limits(lab) {
    const client = new Client({ hooks: { beforeRequest: () => new Promise(() => {}) } });
    await timesOut(client.fetch(lab.url("hello"), { waterspout: { timeout: 30 } }), "limit `request`: 30 ms");
    const controller = new AbortController();
    const hanging = rejection(client.fetch(lab.url("hello"), { signal: controller.signal }));
    controller.abort("enough");
    equal([await hanging, counts(client)], ["enough", { active: 0, queued: 0 }]);
  },
  async an_error_hook_is_told_and_cannot_do_harm(lab) {
    const told = [];
    const onError = ({ request, error, attempt }) => {
      told.push([request.url, error.name, attempt]);
      throw new Error("in a hook");
    };
    const error = await rejection(new Client({ hooks: { onError } }).fetch("http://127.0.0.1:49151/"));
    equal([error.name, told], ["TypeError", [["http://127.0.0.1:49151/", "TypeError", 1]]]);
  },
  async an_abort_from_within_the_core_frees_its_number_once() {
    const controller = new AbortController();
    const sent = [];
    const transport = async ({ url }) => (sent.push(url.at(-1)), new Response(null, { status: url.endsWith("/bad") ? 503 : 200 }));
    const client = new Client({ fetch: byRequest(transport), retry: { baseDelay: 0 } });
    let more;
    client.observe(({ stage }) => {
      if (stage !== "waiting") return;
      controller.abort("enough");
      more = client.fetch("http://127.0.0.1:1/good");
    });
    equal(await rejection(client.fetch("http://127.0.0.1:1/bad", { signal: controller.signal })), "enough");
    equal([(await more).status, attemptsOf(await more), sent, counts(client)], [200, 1, ["d", "d"], { active: 0, queued: 0 }]);
  },
  async shortcuts_send_what_they_say(lab) {
    const client = new Client();
    for (const method of ["get", "post", "put", "patch", "delete"]) {
      equal((await client[method](lab.url("echo"))).headers.get("x-method"), method.toUpperCase());
    }
    equal((await client.head(lab.url("hello"))).status, 200);
    const json = await client.post(lab.url("echo"), { json: { a: [1, "\u00e9"] } });
    equal([json.headers.get("content-type"), await json.json()], ["application/json", { a: [1, "\u00e9"] }]);
    const own = await client.post(lab.url("echo"), { json: 1, headers: { "content-type": "application/x-own+json" } });
    equal(own.headers.get("content-type"), "application/x-own+json");
    equal(await client.put(lab.url("echo"), { form: { a: "1 2", b: "&" } }).text(), "a=1+2&b=%26");
    equal(await client.get(lab.url("json")).json(), { name: "waterspout", sizes: [1, 2, 3] });
    for (const init of [{ json: 1, form: { a: "1" } }, { json: 0, body: "1" }, { form: {}, body: "1" }, { json: null, form: {}, body: "1" }]) {
      const error = await client.post(lab.url("echo"), init).catch((error) => error);
      assert(error instanceof TypeError && /exclude each other/.test(error.message), `of several bodies none is chosen: ${error}`);
    }
    equal(await client.post(lab.url("echo"), { json: "", body: null }).text(), '""');
  },
  async a_failure_names_the_request_as_it_was_made(lab) {
    const client = new Client();
    const [url, init] = [new URL(lab.url("slow?head=2000")), {}];
    const running = rejectsWith(client.fetch(url, init), "CLOSED");
    // A Request would refuse both.
    url.username = "user";
    init.method = "no method";
    client.close({ now: true });
    equal((await running).request.url, lab.url("slow?head=2000"));
  },
  async requests_that_share_a_signal_share_a_listener() {
    const controller = new AbortController();
    const { signal } = controller;
    const listening = new Set();
    let most = 0;
    for (const [name, change] of Object.entries({ addEventListener: "add", removeEventListener: "delete" })) {
      const method = signal[name];
      signal[name] = (type, listener, ...options) => {
        listening[change](listener);
        most = Math.max(most, listening.size);
        return method.call(signal, type, listener, ...options);
      };
    }
    const silence = ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const endless = ({ signal }) => new Response(new ReadableStream({ start: (body) => signal.addEventListener("abort", () => body.error(signal.reason)) }));
    const client = new Client({ maxActive: 15, timeout: 60_000, fetch: byRequest((request) => (request.url.endsWith("/body") ? endless : silence)(request)) });
    const bodies = await Promise.all(Array.from({ length: 12 }, () => client.fetch("http://a.test/body", { signal })));
    const ends = [...bodies.map(({ body }) => body.getReader().read()), ...Array.from({ length: 30 }, () => client.fetch("http://a.test/", { signal }))];
    equal([counts(client), most, listening.size], [{ active: 15, queued: 15 }, 1, 1]);
    const reason = new Error("enough");
    controller.abort(reason);
    for (const end of await Promise.allSettled(ends)) assert(end.reason === reason, `each ends with the reason: ${end.reason}`);
    equal(counts(client), { active: 0, queued: 0 });
  },
  async a_download_tells_how_far_it_is(lab) {
    const seen = [];
    const onDownloadProgress = (progress) => {
      seen.push(progress);
      throw new Error("in an observer");
    };
    const response = await new Client().fetch(lab.url("redirect/1?to=/lab/bytes/300000"), { waterspout: { onDownloadProgress } });
    equal([response.url, response.redirected, response.type !== "default"], [lab.url("bytes/300000"), true, true]);
    assert(response instanceof Response && response.clone().url === response.url, "a Response, and so is its clone");
    equal((await response.arrayBuffer()).byteLength, 300_000);
    equal(seen.at(-1), { bytes: 300_000, total: 300_000 });
    const encoded = await new Client().fetch(lab.url("encoded/gzip"), { waterspout: { onDownloadProgress } });
    equal((await encoded.arrayBuffer()).byteLength, 100_000);
    equal(seen.at(-1), { bytes: 100_000 });
    const empty = await new Client().fetch(lab.url("no-content"), { waterspout: { onDownloadProgress } });
    equal([empty.status, await empty.text()], [204, ""]);
    const afterResponse = async ({ response }) => void (await response.text());
    const read = new Client({ hooks: { afterResponse } }).fetch(lab.url("hello"), { waterspout: { onDownloadProgress } });
    equal((await rejection(read)).name, "TypeError");
  },
  async an_upload_tells_how_far_it_is_as_well_as_it_can(lab, { streams }) {
    const seen = [];
    const waterspout = { onUploadProgress: (progress) => seen.push(progress) };
    await new Client().fetch(lab.url("upload"), { method: "POST", body: generated(100_000), waterspout });
    equal(seen, [{ bytes: 0, total: 100_000 }, { bytes: 100_000, total: 100_000 }]);
    if (!streams) return;
    const body = () => new Blob([generated(100_000)]).stream();
    equal(await (await new Client().fetch(lab.url("upload"), { method: "POST", body, waterspout })).text(), counted(100_000));
    equal(seen.at(-1), { bytes: 100_000 });
  },
  async events_are_the_same_however_they_are_split() {
    const text = "\ufeffid: 1\r\ndata: a\rdata:b\n\r\nevent: x\n: note\ndata:  \u00e9\u{1f30a}\r\n\r\ndata\n\nretry: 5\nid: 2\0\n\nid\ndata: last\n\ndata: cut";
    const expected = [
      { event: "message", data: "a\nb", id: "1" },
      { event: "x", data: " \u00e9\u{1f30a}", id: "1" },
      { event: "message", data: "", id: "1" },
      { event: "message", data: "last", id: "" },
    ];
    const bytes = new TextEncoder().encode(text);
    for (let size = 1; size <= bytes.length; size++) {
      let asked = 0;
      const answer = () => new Response(new ReadableStream({
        start(controller) {
          for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
          controller.close();
        },
      }), { headers: { "content-type": "text/event-stream; charset=utf-8" } });
      const seen = [];
      for await (const event of events(async () => (asked++ ? new Response(null, { status: 204 }) : answer()), "http://a/", { retryDelay: 0 })) seen.push(event);
      equal([seen, asked], [expected, 2], `split at ${size}`);
      if (size > 3) size += 7;
    }
  },
  async an_abandoned_stream_of_events_ends_at_once(lab) {
    for (const make of [(client, ...rest) => client.events(...rest), events]) {
      const client = new Client();
      const all = make(client, lab.url("events?total=1&burst=1&stay=1"), {});
      equal((await all.next()).done, false);
      const waiting = all.next();
      equal([await all.return(), await waiting, await all.next()], Array(3).fill({ value: undefined, done: true }));
      // It ends at once too during the wait before a new connection.
      let asked;
      const failed = new Promise((resolve) => (asked = resolve));
      const failing = make(new Client({ fetch: () => Promise.reject(new TypeError("no"), asked()) }), "http://a/", { retryDelay: 60_000 });
      const next = failing.next();
      await failed;
      equal([await failing.return(), await next], Array(2).fill({ value: undefined, done: true }));
      // A stream of events that was never read makes no connection.
      const unused = make(new Client({ fetch: () => assert(false, "it is not called") }), "http://a/", {});
      equal([await unused.return(), await unused.next()], Array(2).fill({ value: undefined, done: true }));
    }
  },
  async events_give_up_after_so_many_failures() {
    let asked = 0;
    const failing = async () => {
      asked++;
      throw new TypeError("no network");
    };
    const error = await rejection(events(failing, "http://a/", { maxAttempts: 3, retryDelay: 1 }).next());
    equal([error.message, asked], ["no network", 3]);
    const long = async () => new Response(`data: ${"x".repeat(100)}`, { headers: { "content-type": "text/event-stream" } });
    assert(isWaterspoutError(await rejection(events(long, "http://a/", { maxEventSize: 50 }).next()), "LIMIT_EXCEEDED"), "too long");
    const controller = new AbortController();
    const stuck = rejection(events(failing, "http://a/", { signal: controller.signal, retryDelay: 60_000 }).next());
    await sleep(5);
    controller.abort("enough");
    equal(await stuck, "enough");
  },
  async the_slim_entry_waits_for_its_module(lab, { wasm }) {
    const early = await rejection(new SlimClient().fetch(lab.url("hello")));
    // Commands that came before the module still apply.
    const closed = new SlimClient();
    closed.pause();
    closed.close({ now: true });
    assert(isWaterspoutError(early, "UNSUPPORTED") && early.message.includes("init()"), String(early));
    assert((await rejection(initSlim(new Response(null, { status: 404 })))).code === "STATUS", "a failed init says why");
    await rejection(initSlim(new Uint8Array([1, 2, 3])));
    const load = async () => (wasm ? await wasm() : await fetch(new URL("./node_modules/waterspout/dist/waterspout.wasm", location.href)));
    const [first, second] = [initSlim(load()), initSlim(new Response(null, { status: 500 }))];
    assert(first === second, "concurrent calls share a promise");
    await first;
    equal(await new SlimClient().get(lab.url("hello")).text(), "hello");
    assert(isWaterspoutError(await rejection(closed.fetch(lab.url("hello"))), "CLOSED"), "closed before");
  },
  async without_webassembly_the_fallback_is_called_or_an_error_says_so(lab) {
    const message = (error) => [isWaterspoutError(error, "UNSUPPORTED"), isTimeoutError(error)];
    // A page's policy may forbid WebAssembly. The slim entry has a separate core, which an earlier scenario may have loaded.
    const client = new SlimClient({ fallback: fetch });
    equal(await client.get(lab.url("hello")).text(), "hello");
    equal(message(new WaterspoutError("UNSUPPORTED", "x")), [true, false]);
    equal(message({ name: "WaterspoutError", code: "UNSUPPORTED" }), [true, false]);
  },
  async a_client_can_be_disposed(lab) {
    if (!Symbol.dispose) return;
    const client = new Client();
    client[Symbol.dispose]();
    await rejectsWith(client.fetch(lab.url("hello")), "CLOSED");
  },
  async credentials_in_the_url_are_refused(lab) {
    const url = lab.url("hello").replace("http://", "http://user:secret@");
    assert((await rejection(new Client().fetch(url))) instanceof TypeError, "a TypeError");
  },
  async wrong_settings_are_told_at_once(lab) {
    for (const options of [{ maxActive: 0 }, { maxActive: 1.5 }, { maxActive: -1 }, { timeout: -1 }, { timeout: { head: NaN } }, { maxQueued: -1 }, { maxActivePerOrigin: 0 }, { priority: 40_000 }, { rateLimit: { requests: 0, per: 1 } }, { rateLimit: { requests: 5, per: 0 } }, { rateLimit: {} }, { retry: { baseDelay: -1 } }]) {
      let thrown;
      try {
        new Client(options);
      } catch (error) {
        thrown = error;
      }
      assert(thrown instanceof RangeError, JSON.stringify(options));
    }
    for (const options of [{ timeout: "5s" }, { timeout: null }, { timeout: { connect: 5 } }, { maxactive: 3 }, { fetch: 1 }, { retry: { tries: 3 } }, { hooks: { before: 1 } }, { rateLimit: 5 }]) {
      const error = await rejection((async () => new Client(options))());
      assert(error instanceof TypeError, JSON.stringify(options));
    }
    assert((await rejection(new Client().fetch(lab.url("hello"), { waterspout: { timeOut: 1 } }))) instanceof TypeError, "timeOut");
    const error = await rejection(new Client().fetch(lab.url("hello"), { waterspout: { timeout: -5 } }));
    assert(error instanceof RangeError && error.message.includes("-5"), String(error));
  },
  async finished_requests_leave_nothing_behind() {
    const client = new Client({ fetch: async () => new Response(null, { status: 204 }) });
    const round = async (times) => {
      for (let n = 0; n < times; n++) await client.fetch("http://127.0.0.1:1/");
      return memory.buffer.byteLength;
    };
    const before = await round(2_000);
    equal(await round(20_000), before, "the core's memory");
  },
  async a_request_keeps_its_referrer_with_limits_set(lab) {
    let seen;
    const client = new Client({ timeout: 5_000, fetch: byRequest((request) => ((seen = request), fetch(request))) });
    await client.fetch(new Request(lab.url("hello"), { referrerPolicy: "no-referrer" }));
    equal(seen.referrerPolicy, "no-referrer");
  },
  async a_frozen_init_is_read_and_null_is_none(lab) {
    const { signal } = new AbortController();
    for (const init of [Object.freeze({ signal }), Object.freeze({ signal: null, method: "POST" }), null, undefined]) {
      equal((await new Client({ timeout: 5_000 }).fetch(lab.url("echo"), init)).status, 200);
    }
  },
  async an_abort_in_the_turn_of_the_slot_sends_nothing(lab) {
    for (const turns of [0, 1, 2, 3, 4, 5]) {
      let [release, late] = [undefined, 0];
      const transport = ({ signal }) => {
        late += Number(signal.aborted);
        return new Promise((resolve, reject) => {
          release ??= () => resolve(new Response(null));
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      };
      const client = new Client({ maxActive: 1, fetch: byRequest(transport) });
      const first = client.fetch(lab.url("hello"));
      const controller = new AbortController();
      const second = rejection(client.fetch(lab.url("hello"), { signal: controller.signal }));
      release();
      for (let turn = 0; turn < turns; turn++) await null;
      controller.abort();
      await Promise.all([first, second]);
      await sleep(0);
      equal([late, counts(client)], [0, { active: 0, queued: 0 }], `after ${turns} turns`);
    }
  },
  async an_abort_is_heard_in_the_turn_of_the_platforms(lab) {
    const client = new Client();
    for (const prepare of [() => undefined, () => null, () => sleep(30)]) {
      const log = [];
      const controller = new AbortController();
      const sent = client.fetch(lab.url("silence"), { signal: controller.signal }).catch(() => void log.push("rejected"));
      await prepare();
      queueMicrotask(() => void log.push("before"));
      controller.abort();
      queueMicrotask(() => void log.push("after"));
      await sent;
      await null;
      equal([log, counts(client)], [["before", "rejected", "after"], { active: 0, queued: 0 }]);
    }
  },
  async a_request_whose_body_was_used_is_refused(lab) {
    const make = () => new Request(lab.url("upload"), { method: "POST", body: "once" });
    const [read, sent, instead] = [make(), make(), make()];
    await Promise.all([read.text(), instead.text(), fetch(sent)]);
    for (const request of [read, sent]) assert((await rejection(new Client().fetch(request))) instanceof TypeError, "a TypeError");
    equal(await (await new Client().fetch(instead, { body: "another" })).text(), "7 753");
  },
  async a_request_that_is_aborted_before_tells_its_body(lab) {
    let told;
    const body = new ReadableStream({ cancel: (reason) => void (told = reason) });
    const init = { method: "POST", body, duplex: "half", signal: AbortSignal.abort("never mind") };
    equal(await rejection(new Client().fetch(lab.url("upload"), init)), "never mind");
    await null;
    equal(told, "never mind");
  },
  async an_abort_within_its_own_start_harms_no_other() {
    for (const place of ["hook", "observer"]) {
      const controller = new AbortController();
      const answers = {};
      const client = new Client({ fetch: byRequest(({ url }) => new Promise((resolve) => (answers[url.at(-1)] = () => resolve(new Response(null))))) });
      const other = client.fetch("http://127.0.0.1:1/a");
      if (place === "observer") client.observe(({ id, stage }) => id === 2 && stage === "started" && controller.abort("enough"));
      const hooks = place === "hook" ? { beforeRequest: () => controller.abort("enough") } : {};
      equal(await rejection(client.fetch("http://127.0.0.1:1/b", { signal: controller.signal, waterspout: { hooks } })), "enough");
      answers.a();
      equal([(await other).status, Object.keys(answers), counts(client)], [200, ["a"], { active: 0, queued: 0 }], place);
    }
  },
  async an_abort_waits_for_neither_hook_nor_platform() {
    const never = () => new Promise(() => {});
    const heeding = ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const answer = async () => new Response("hello");
    for (const settings of [{ fetch: never }, { fetch: answer, hooks: { afterResponse: never } }, { fetch: byRequest(heeding), hooks: { beforeRequest: () => new Request("http://127.0.0.1:1/other") } }]) {
      const controller = new AbortController();
      const client = new Client({ maxActive: 1, ...settings });
      const hanging = rejection(client.fetch("http://127.0.0.1:1/", { signal: controller.signal }));
      await sleep(1);
      controller.abort("enough");
      equal([await hanging, counts(client)], ["enough", { active: 0, queued: 0 }]);
    }
  },
  async nothing_follows_an_abort_in_a_predicate() {
    const controller = new AbortController();
    const stages = [];
    const when = () => (controller.abort("enough"), true);
    const client = new Client({ fetch: async () => new Response(null, { status: 503 }), retry: { baseDelay: 0, when } });
    client.observe(({ stage }) => stages.push(stage));
    equal(await rejection(client.fetch("http://127.0.0.1:1/", { signal: controller.signal })), "enough");
    equal([stages, counts(client)], [["started", "cancelled"], { active: 0, queued: 0 }]);
  },
  async an_abort_is_told_once_and_before_its_slot_goes_on() {
    const controller = new AbortController();
    const steps = [];
    const client = new Client({ fetch: () => new Promise(() => {}), maxActive: 1 });
    client.observe(({ id, stage }) => steps.push(`${id} ${stage}`));
    const first = client.fetch("http://127.0.0.1:1/", { signal: controller.signal });
    const second = client.fetch("http://127.0.0.1:1/");
    controller.abort("enough");
    equal(await rejection(first), "enough");
    equal(steps, ["1 started", "2 queued", "1 cancelled", "2 started"]);
    // An observer of an abort may close the client, which ends the same request again.
    client.observe(({ stage }) => stage === "cancelled" && client.close({ now: true }));
    const other = new AbortController();
    const third = client.fetch("http://127.0.0.1:1/", { signal: other.signal });
    other.abort("as well");
    equal(await rejection(third), "as well");
    equal((await rejection(second)).code, "CLOSED");
    equal(steps.slice(4), ["3 queued", "3 cancelled", "2 failed"]);
    equal(counts(client), { active: 0, queued: 0 });
  },
  async a_transport_may_give_anything() {
    const running = new Client({ fetch: () => new Promise(() => {}) });
    let lost;
    running.fetch("http://127.0.0.1:1/").catch((error) => (lost = error));
    const outcome = (settings, ...answers) => new Client(settings.fetch ? settings : { ...settings, fetch: async () => answers.shift() }).fetch("http://127.0.0.1:1/").catch((error) => error);
    equal((await outcome({ timeout: 5_000 }, { status: 200, body: "text" })).body, "text");
    const failing = { status: 200, get body() { throw new SyntaxError("no"); } };
    equal((await outcome({ timeout: 5_000 }, failing)).name, "SyntaxError");
    // Some libraries have bodies that are not the platform's streams.
    equal((await outcome({ retry: { baseDelay: 0 } }, { status: 503, headers: new Headers(), body: {} }, new Response("hello"))).status, 200);
    equal((await outcome({}, undefined)).name, "TypeError");
    const made = new Response("x");
    Object.defineProperty(made, "status", { value: 999 });
    equal((await outcome({ timeout: { idle: 5_000 } }, made)).status, 999);
    const own = globalThis.fetch;
    const mocks = { SyntaxError: () => { throw new SyntaxError("no"); }, TypeError: () => undefined };
    for (const [name, mock] of Object.entries(mocks)) {
      globalThis.fetch = mock;
      const error = await rejection(new Client().fetch("http://127.0.0.1:1/"));
      globalThis.fetch = own;
      equal(error.name, name);
    }
    equal(lost, undefined, "what became of another client's request");
  },
  async a_body_that_is_taken_already_fails_the_request() {
    const told = [];
    const locked = async () => {
      const response = new Response("hello");
      response.body.getReader();
      return response;
    };
    const client = new Client({ fetch: locked, timeout: { idle: 5_000 }, hooks: { onError: ({ error }) => told.push(error.name) } });
    client.observe(({ stage }) => told.push(stage));
    equal((await rejection(client.fetch("http://127.0.0.1:1/"))).name, "TypeError");
    equal(told, ["started", "failed", "TypeError"]);
  },
  async the_body_of_an_answer_that_rejects_heeds_the_signal() {
    const controller = new AbortController();
    const transport = async ({ signal }) => new Response(new ReadableStream({ start: (body) => signal.addEventListener("abort", () => body.error(signal.reason)) }), { status: 503 });
    const client = new Client({ fetch: byRequest(transport), throwHttpErrors: true, timeout: 5_000 });
    const sent = rejection(client.fetch("http://127.0.0.1:1/", { signal: controller.signal }));
    await sleep(20);
    controller.abort("enough");
    equal(await sent, "enough");
    await withFakes((start, time) => start + time, async (timers) => {
      const late = rejectsWith(client.fetch("http://127.0.0.1:1/", { waterspout: { timeout: 30 } }), "STATUS");
      await turn();
      timers.tick(30);
      equal((await late).data, undefined, "the body that did not arrive in time");
    });
  },
  async what_an_observers_promise_rejects_with_is_its_own_affair() {
    const left = [];
    const note = (event) => {
      event.preventDefault?.();
      left.push(String(event.reason ?? event));
    };
    globalThis.addEventListener?.("unhandledrejection", note);
    globalThis.process?.on?.("unhandledRejection", note);
    const failing = async () => { throw new Error("in an observer"); };
    const client = new Client({ fetch: async () => new Response("hello"), onDownloadProgress: failing, hooks: { onError: failing } });
    client.observe(failing);
    await client.get("http://127.0.0.1:1/").text();
    await rejection(client.fetch("http://127.0.0.1:1/", { signal: AbortSignal.abort() }));
    await sleep(10);
    globalThis.removeEventListener?.("unhandledrejection", note);
    globalThis.process?.off?.("unhandledRejection", note);
    equal(left, []);
  },
  async what_is_undefined_is_not_set() {
    const hooks = { beforeRequest: undefined };
    const retry = { attempts: 2, baseDelay: 0, maxDelay: undefined, methods: undefined, statusCodes: undefined, when: undefined };
    let calls = 0;
    const client = new Client({ maxActive: undefined, retry, hooks: { beforeRequest: () => void calls++ }, fetch: async () => new Response(null, { status: 503 }) });
    equal(attemptsOf(await client.fetch("http://127.0.0.1:1/", { waterspout: { retry: { attempts: undefined }, hooks, timeout: { head: undefined } } })), 2);
    equal(calls, 2, "calls of the client's hook");
    equal((await new Client({ timeout: 5_000, fetch: async () => new Response(null) }).fetch("http://127.0.0.1:1/", null)).status, 200);
  },
  async a_request_that_waits_again_is_queued() {
    const steps = [];
    let release;
    const transport = ({ url }) => (url.endsWith("/b") ? new Promise((resolve) => (release = () => resolve(new Response(null)))) : Promise.resolve(new Response(null, { status: release ? 200 : 503 })));
    const client = new Client({ maxActive: 1, retry: { attempts: 2, baseDelay: 0 }, fetch: byRequest(transport) });
    client.observe(({ id, stage, status }) => steps.push([id, stage, status]));
    const requests = ["a", "b"].map((path) => client.fetch(`http://127.0.0.1:1/${path}`));
    while (steps.length < 5) await sleep(1);
    equal(client.stats().origins, [{ origin: "http://127.0.0.1:1", active: 1, queued: 1 }]);
    release();
    await Promise.all(requests);
    const of = (id) => steps.filter((step) => step[0] === id).map(([, stage, status]) => stage + (status ?? ""));
    equal([of(1), of(2)], [["started", "waiting503", "queued", "started", "head200", "done200"], ["queued", "started", "head200", "done200"]]);
  },
  async an_origin_whose_requests_all_wait_to_be_tried_again_has_none() {
    const controller = new AbortController();
    const client = new Client({ retry: { attempts: 2, baseDelay: 1e9, maxDelay: 1e9 }, fetch: async () => new Response(null, { status: 503 }) });
    const waiting = new Promise((resolve) => client.observe(({ stage }) => stage === "waiting" && resolve()));
    const request = rejection(client.fetch("http://127.0.0.1:1/", { signal: controller.signal }));
    await waiting;
    equal(client.stats().origins, []);
    controller.abort();
    await request;
  },
  async how_to_try_again_is_kept_where_nothing_is() {
    const client = new Client({ retry: { attempts: 1, methods: ["POST"], baseDelay: 0 }, fetch: async () => new Response(null, { status: 503 }) });
    const tried = async (waterspout) => attemptsOf(await client.fetch("http://127.0.0.1:1/", { method: "POST", body: "x", waterspout }));
    equal([await tried({}), await tried({ retry: 3 }), await tried({ retry: { attempts: 2 } })], [1, 3, 2]);
  },
  async a_total_that_is_passed_is_told_no_more() {
    const seen = [];
    // Like a compressed body of another origin: a page sees its compressed length, but not its coding.
    const pieces = () => new ReadableStream({
      start(controller) {
        for (const length of [2, 2, 2]) controller.enqueue(new Uint8Array(length));
        controller.close();
      },
    });
    const client = new Client({ fetch: async () => new Response(pieces(), { headers: { "content-length": "4" } }) });
    await (await client.fetch("http://127.0.0.1:1/", { waterspout: { onDownloadProgress: (progress) => seen.push(progress) } })).arrayBuffer();
    equal(seen, [{ bytes: 2, total: 4 }, { bytes: 4, total: 4 }, { bytes: 6 }]);
  },
  async a_body_of_known_length_tells_the_end_of_its_upload() {
    const client = new Client({ fetch: byRequest(async (request) => new Response(await request.text())) });
    const told = async (body) => {
      const seen = [];
      const sent = await client.fetch("http://127.0.0.1:1/", { method: "POST", body, duplex: "half", waterspout: { onUploadProgress: (progress) => seen.push(progress) } });
      return [await sent.text(), seen];
    };
    for (const body of [new URLSearchParams({ a: "\u00e9" }), "a=%C3%A9", new Blob(["a=%C3%A9"]), new TextEncoder().encode("a=%C3%A9")]) {
      equal(await told(body), ["a=%C3%A9", [{ bytes: 0, total: 8 }, { bytes: 8, total: 8 }]]);
    }
    const pieces = async function* () {
      for (const piece of ["he", "llo"]) yield new TextEncoder().encode(piece);
    };
    const [sent, seen] = await told(pieces());
    // An engine that accepts no iterable sends its name as text.
    if (sent === "hello") equal(seen, [{ bytes: 2 }, { bytes: 5 }]);
  },
  async an_iterable_that_is_a_body_is_read_once() {
    const chunks = async function* () {
      yield new TextEncoder().encode("hello");
    };
    const sent = [];
    const transport = async (request) => (sent.push(await request.text()), new Response(null, { status: 503 }));
    const client = new Client({ retry: { attempts: 2, baseDelay: 0 }, fetch: byRequest(transport) });
    equal((await client.fetch("http://127.0.0.1:1/", { method: "PUT", body: chunks(), duplex: "half" })).status, 503);
    equal(sent.length, 1);
    // An engine that accepts no iterable sends its name as text.
    if (sent[0] !== "hello") return;
    await client.fetch("http://127.0.0.1:1/", { method: "PUT", body: chunks });
    equal(sent, ["hello", "hello", "hello"]);
  },
  async a_coarse_clock_keeps_the_limits(lab) {
    const now = performance.now;
    performance.now = () => Math.floor(now.call(performance) / 50) * 50;
    try {
      await timesOut(new Client({ timeout: 30 }).fetch(lab.url("silence")), "limit `request`: 30 ms");
    } finally {
      performance.now = now;
    }
  },
  async a_closed_client_ends_its_events() {
    const client = new Client();
    client.close();
    assert(isWaterspoutError(await rejection(client.events("http://127.0.0.1:1/").next()), "CLOSED"), "it is not tried again");
  },
  async a_query_stays_as_it_is_written() {
    const client = new Client({ fetch: byRequest(async ({ url }) => new Response(url)) });
    equal(await client.get("http://127.0.0.1:1/?a&b=%20#c", { searchParams: { d: "\u00e9" } }).text(), "http://127.0.0.1:1/?a&b=%20&d=%C3%A9#c");
    if (!globalThis.document) return;
    const base = document.head.appendChild(document.createElement("base"));
    base.href = "http://127.0.0.1:1/base/";
    equal(await client.get("x", { searchParams: { a: 1 } }).text(), "http://127.0.0.1:1/base/x?a=1");
    base.remove();
  },
  async a_transport_that_throws_frees_its_slot(lab) {
    const client = new Client({ maxActive: 1, fetch: () => { throw new SyntaxError("no"); } });
    for (let round = 0; round < 3; round++) equal((await rejection(client.fetch(lab.url("hello")))).name, "SyntaxError");
    equal(counts(client), { active: 0, queued: 0 });
  },
};

/** Runs all scenarios and returns the results. */
export async function run(base, platform, features) {
  const results = [];
  // Without a listener, a promise that a failed scenario leaves behind would end Node, Deno and Bun.
  let unhandled = [];
  globalThis.process?.on?.("unhandledRejection", (reason) => unhandled.push(reason));
  // Scenarios replace these. A scenario that took too long may leave its stand-ins behind.
  const originals = { fetch: globalThis.fetch, setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
  const restore = () => {
    for (const [name, original] of Object.entries(originals)) if (globalThis[name] !== original) globalThis[name] = original;
    if (performance.now !== now) performance.now = now;
  };
  const { now } = performance;
  for (const [name, scenario] of Object.entries({ ...scenarios, ...only })) {
    try {
      let timer;
      const late = new Promise((_, reject) => (timer = originals.setTimeout.call(globalThis, () => reject(new Error("took over 20 s")), 20_000)));
      await Promise.race([scenario(new Lab(base, platform, name), features), late]).finally(() => originals.clearTimeout.call(globalThis, timer));
      // After a failure, a rejection may come from the scenario that failed.
      if (unhandled.length > 0 && results.every(({ error }) => !error)) throw unhandled[0];
      results.push({ name });
    } catch (error) {
      // Only V8 includes the message in the stack.
      const [said, stack] = [String(error), error?.stack ?? ""];
      results.push({ name, error: stack.startsWith(said) ? stack : `${said}\n${stack}` });
    }
    unhandled = [];
    restore();
  }
  return results;
}
