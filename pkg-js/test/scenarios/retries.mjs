/** Retries: which bodies are sent again, what decides, and how long the wait is. */
import { attemptsOf, Client, isWaterspoutError } from "waterspout";
import { assert, counts, equal, generated, isPending, NOWHERE, rejection, rejectsWith, timesOut, transport, turns } from "./support.mjs";
import { within } from "./stubs.mjs";

const FREE = { active: 0, queued: 0 };

/** The largest body of a Request that is kept for retries, in bytes. */
const KEPT_BYTES = 1 << 20;

/** Answers 503 so many times, then 200, and keeps the bodies as bytes. */
function storing(failures, answer = (status) => new Response(`status ${status}`, { status })) {
  const bodies = [];
  const fetch = transport(async (request, count) => {
    bodies.push({ type: request.headers.get("content-type"), bytes: new Uint8Array(await request.arrayBuffer()) });
    return answer(count > failures ? 200 : 503);
  });
  return { fetch, bodies };
}

const textOf = ({ bytes }) => new TextDecoder().decode(bytes);

/** Returns whether the platform's Request accepts a stream. */
const acceptsStreams = () => !new Request(NOWHERE, { method: "POST", body: new ReadableStream(), duplex: "half" }).headers.has("content-type");

/** The longest delay of the tables in milliseconds: 2026 seconds. */
const LONGEST_DELAY = 2_026_000;

/**
 * Returns the delay that a response leads to, in milliseconds, or "own" for the client's own back-off.
 *
 * No time passes: a hook reads the delay and stops the retries. The own back-off is far longer than each delay of the table. Under
 * lockdown, `Math` is frozen: there it is longer with all but certainty.
 */
async function delayAfter(status, headers, retry = {}) {
  const random = Math.random;
  let found = "none";
  const beforeRetry = ({ delay }) => ((found = delay > LONGEST_DELAY ? "own" : delay), false);
  const client = new Client({ fetch: transport(() => new Response(null, { status, headers })), retry: { baseDelay: 1e12, maxDelay: 1e12, ...retry }, hooks: { beforeRetry } });
  if (!Object.isFrozen(Math)) Math.random = () => 0.5;
  try {
    await client.fetch(NOWHERE);
  } finally {
    if (!Object.isFrozen(Math)) Math.random = random;
  }
  return found;
}

/** A fixed time of a server, and the same time five seconds later in the three forms of RFC 9110. */
const DATE = "Tue, 14 Nov 2023 22:13:20 GMT";
const UNIX = 1_700_000_000;
const IN_FIVE_SECONDS = ["Tue, 14 Nov 2023 22:13:25 GMT", "Tuesday, 14-Nov-23 22:13:25 GMT", "Tue Nov 14 22:13:25 2023"];

/** Numbers, and the seconds that they mean. */
const SECONDS = [["0", 0], ["1", 1], ["120", 120], ["007", 7], ["2.5", 3], ["0.1", 1], ["2.0", 2], ["2026", 2026]];

/** Values that are neither a number nor a date of HTTP. */
const GARBAGE = [
  "-1", "+1", "-0.5", "1, 1", "1,5", "1 1", "1;2", "1s", "1e3", "0x10", "1_000", "Infinity", "NaN", "", "null", "soon",
  "Fri", "Tue, 14 Nov 2023", "14 Nov 2023 22:13:25 GMT", "Nov 14, 2023", "2023-11-14", "2023-11-14T22:13:25Z", "11/14/2023", "22:13:25",
  "Tue, 14 Nov 2023 22:13:25", "Tue, 14 Nov 2023 22:13:25 +0000", "Tue, 14 Nov 2023 22:13:25 UTC", "Tue, 14 Nov 2023 25:13:25 GMT", "Tue, 14 Nov 23 22:13:25 GMT", "Tue, 14 Nov 2023 22:13:25 GMT, 1",
];

export const retries = {
  async a_request_with_a_body_is_tried_again() {
    const form = new FormData();
    form.append("name", "h\u00e9");
    const rows = [["text", /^text$/], ["", /^$/], [new Blob(["blob"], { type: "x/y" }), /^blob$/], [new TextEncoder().encode("bytes"), /^bytes$/], [new URLSearchParams({ a: "1" }), /^a=1$/], [form, /name="name"[^]*h\u00e9/]];
    for (const [body, expected] of rows) {
      for (const settings of [{}, { timeout: 60_000 }, { hooks: { beforeRequest: () => undefined } }]) {
        const { fetch, bodies } = storing(2);
        const client = new Client({ fetch, retry: { baseDelay: 0 }, ...settings });
        const request = new Request(NOWHERE, { method: "PUT", body });
        const type = request.headers.get("content-type");
        const response = await client.fetch(request);
        equal([response.status, attemptsOf(response), bodies.map((sent) => expected.test(textOf(sent)))], [200, 3, [true, true, true]], expected.source);
        // The boundary of a form stands in its body and in its type.
        if (body === form) assert(bodies.every((sent) => textOf(sent).startsWith(`--${/boundary="?([^";]+)/.exec(sent.type)[1]}`)), "the boundary");
        else equal(bodies.map((sent) => sent.type), [type, type, type]);
      }
    }
  },
  async a_request_with_a_body_is_tried_again_at_a_server(lab) {
    const body = "again ".repeat(10_000);
    const response = await new Client({ retry: { baseDelay: 5 } }).fetch(new Request(lab.keyed("flaky", "?fail=2"), { method: "PUT", body }));
    equal([attemptsOf(response), (await response.text()) === body], [3, true]);
  },
  async the_body_of_a_request_is_kept_up_to_a_bound() {
    for (const [length, attempts] of [[KEPT_BYTES, 2], [KEPT_BYTES + 1, 1], [3 * KEPT_BYTES, 1]]) {
      const body = generated(length);
      const { fetch, bodies } = storing(1);
      const client = new Client({ fetch, retry: { attempts: 2, baseDelay: 0 } });
      const response = await client.fetch(new Request(NOWHERE, { method: "PUT", body }));
      equal([response.status, attemptsOf(response), await response.text()], attempts === 2 ? [200, 2, "status 200"] : [503, 1, "status 503"], `${length} bytes`);
      equal([bodies.map(({ bytes }) => bytes.length === length && bytes.every((byte, at) => byte === body[at])), counts(client)], [Array(attempts).fill(true), FREE]);
    }
  },
  async an_error_says_why_a_body_is_not_sent_again(lab, { streams }) {
    const large = () => [new Request(NOWHERE, { method: "PUT", body: generated(KEPT_BYTES + 1) })];
    const stream = () => [NOWHERE, { method: "PUT", body: new Blob(["x"]).stream(), duplex: "half" }];
    for (const [make, words] of [[large, /1048576|1 MiB/], [stream, /function/]]) {
      if (make === stream && !acceptsStreams()) continue;
      const cause = new TypeError("cut");
      const told = [];
      const client = new Client({ maxActive: 1, fetch: transport(async (request) => (await request.arrayBuffer(), Promise.reject(cause))), retry: 3, hooks: { onError: ({ error }) => void told.push(error.code) } });
      const error = await rejectsWith(client.fetch(...make()), "BODY_NOT_REPLAYABLE");
      assert(error.cause === cause && words.test(error.message), `${error.message}, because of ${error.cause}`);
      equal([error.attempts, told, counts(client)], [1, ["BODY_NOT_REPLAYABLE"], FREE]);
      // Without a wish for another attempt, the error is the platform's own.
      for (const retry of [1, false, { methods: ["GET"] }, { when: () => false }]) {
        const plain = new Client({ fetch: transport(() => Promise.reject(cause)), retry });
        assert((await rejection(plain.fetch(...make()))) === cause, `retry: ${JSON.stringify(retry)}`);
      }
    }
    if (!streams) return;
    const response = await new Client({ fetch: storing(1).fetch, retry: 3 }).fetch(...stream());
    equal([response.status, await response.text(), attemptsOf(response)], [503, "status 503", 1]);
  },
  async a_body_made_later_is_made_for_each_attempt() {
    let made = 0;
    for (const body of [() => `body ${++made}`, async () => `body ${++made}`, () => Promise.resolve(new Blob([`body ${++made}`]))]) {
      made = 0;
      const { fetch, bodies } = storing(2);
      await new Client({ fetch, retry: { baseDelay: 0 } }).fetch(NOWHERE, { method: "PUT", body });
      equal(bodies.map(textOf), ["body 1", "body 2", "body 3"]);
    }
  },

  async a_wrong_url_is_not_tried_again() {
    for (const call of [(client, url) => client.fetch(url), (client, url) => client.get(url), (client, url) => client.fetch(url, { method: "PUT", body: "x" })]) {
      for (const url of ["http://[", "http://127.0.0.1:65536/"]) {
        const client = new Client({ retry: { attempts: 3, baseDelay: 1e6, when: () => true } });
        const stages = [];
        client.observe(({ stage }) => stages.push(stage));
        const error = await within(rejection(call(client, url)), "the request with a wrong URL");
        equal([error.name, attemptsOf(error) <= 1, stages.includes("waiting"), counts(client)], ["TypeError", true, false, FREE], url);
      }
    }
  },
  async a_predicate_may_be_async_and_give_a_delay() {
    const rows = [[true, 1], [false, "none"], [0, 0], [20, 20], [1_234.5, 1_234.5]];
    for (const [result, expected] of rows) {
      for (const when of [() => result, async () => result, () => turns().then(() => result)]) {
        const delay = await delayAfter(418, {}, { when });
        equal(delay, expected === 1 ? "own" : expected, String(result));
      }
    }
  },
  async a_predicate_sees_the_attempt_and_is_awaited() {
    const seen = [];
    const when = async ({ request, response, error, attempt, default: wanted }) => {
      await turns();
      seen.push([request.url, response?.status, error?.message, attempt, wanted]);
      return attempt < 3;
    };
    const answer = (_, count) => (count === 2 ? Promise.reject(new TypeError("no")) : new Response(`answer ${count}`, { status: 418 }));
    const client = new Client({ fetch: transport(answer), retry: { attempts: 9, baseDelay: 0, when } });
    const response = await client.fetch(NOWHERE);
    equal([attemptsOf(response), await response.text()], [3, "answer 3"]);
    equal(seen, [[NOWHERE, 418, undefined, 1, false], [NOWHERE, undefined, "no", 2, true], [NOWHERE, 418, undefined, 3, false]]);
  },
  async a_predicate_that_throws_or_hangs_ends_its_request() {
    const answer = () => new Response(null, { status: 503 });
    for (const when of [() => { throw new SyntaxError("broken"); }, async () => { throw new SyntaxError("broken"); }]) {
      const client = new Client({ maxActive: 1, fetch: transport(answer), retry: { when } });
      equal([(await rejection(client.fetch(NOWHERE))).message, counts(client)], ["broken", FREE]);
    }
    const never = () => new Promise(() => {});
    const client = new Client({ maxActive: 1, fetch: transport(answer), retry: { when: never } });
    for (const limit of ["request", "total"]) await timesOut(client.fetch(NOWHERE, { waterspout: { timeout: { [limit]: 40 } } }), `limit \`${limit}\`: 40 ms`);
    const controller = new AbortController();
    const hanging = rejection(client.fetch(NOWHERE, { signal: controller.signal }));
    assert(await isPending(hanging), "the predicate hangs");
    controller.abort("enough");
    equal([await hanging, counts(client)], ["enough", FREE]);
    const closing = client.fetch(NOWHERE).catch((error) => error);
    await turns();
    client.close({ now: true });
    assert(isWaterspoutError(await closing, "CLOSED"), String(await closing));
  },

  async retry_after_is_a_number_of_seconds_or_a_date() {
    for (const [value, seconds] of SECONDS) equal(await delayAfter(503, { "retry-after": value }), seconds * 1_000, value);
    for (const value of IN_FIVE_SECONDS) equal(await delayAfter(503, { "retry-after": value, date: DATE }), 5_000, value);
    for (const value of GARBAGE) {
      equal(await delayAfter(503, { "retry-after": value }), "own", JSON.stringify(value));
      equal(await delayAfter(503, { "retry-after": value, date: DATE }), "own", `${JSON.stringify(value)} with a date`);
    }
  },
  async a_date_in_the_past_means_at_once() {
    for (const value of ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Thu, 01 Jan 1970 00:00:00 GMT"]) {
      equal(await delayAfter(503, { "retry-after": value }), 0, value);
      equal(await delayAfter(503, { "retry-after": value, date: DATE }), 0, value);
    }
  },
  async a_date_is_compared_with_the_servers_clock_or_else_with_the_own() {
    const soon = new Date(Date.now() + 1_000_000).toUTCString();
    // The server's own clock counts in each form. What is no date does not count as a clock.
    for (const date of ["Tue, 14 Nov 2023 22:13:20 GMT", "Tuesday, 14-Nov-23 22:13:20 GMT", "Tue Nov 14 22:13:20 2023"]) {
      equal(await delayAfter(503, { "retry-after": IN_FIVE_SECONDS[0], date }), 5_000, date);
    }
    for (const date of [undefined, "", "Fri", "2026", "1", "2023-11-14T22:13:25Z"]) {
      const delay = await delayAfter(503, { "retry-after": soon, ...(date !== undefined && { date }) });
      assert(delay > 900_000 && delay <= 1_000_000, `${delay} ms with the date ${date}`);
    }
  },
  async rate_limit_reset_is_read_like_retry_after() {
    for (const name of ["ratelimit-reset", "x-ratelimit-reset"]) {
      for (const [value, seconds] of SECONDS) equal(await delayAfter(429, { [name]: value }), seconds * 1_000, `${name}: ${value}`);
      for (const value of IN_FIVE_SECONDS) equal(await delayAfter(429, { [name]: value, date: DATE }), 5_000, `${name}: ${value}`);
      for (const value of GARBAGE) equal(await delayAfter(429, { [name]: value, date: DATE }), "own", `${name}: ${value}`);
      // A large number is a point in time. With another status, the header does not say when to try again.
      equal(await delayAfter(429, { [name]: String(UNIX + 5), date: DATE }), 5_000, name);
      equal(await delayAfter(429, { [name]: String(UNIX - 5), date: DATE }), 0, name);
      equal(await delayAfter(503, { [name]: "1" }), "own", name);
      equal(await delayAfter(429, { [name]: "1", "retry-after": "2" }), 2_000, "retry-after comes first");
    }
  },
  async retry_after_ms_is_a_number_of_milliseconds() {
    const name = "retry-after-ms";
    for (const [value, milliseconds] of [["0", 0], ["20", 20], ["1500", 1_500], ["2.5", 3], ["0.1", 1]]) {
      for (const status of [429, 503]) equal(await delayAfter(status, { [name]: value }), milliseconds, value);
    }
    for (const value of GARBAGE) equal(await delayAfter(503, { [name]: value }), "own", value);
    equal(await delayAfter(503, { [name]: "20", "retry-after": "2" }), 20, "the finer number comes first");
    equal(await delayAfter(503, { [name]: "-1", "retry-after": "2" }), 2_000, "what cannot be read is ignored");
  },
  async the_delay_of_the_server_is_at_most_max_delay() {
    for (const headers of [{ "retry-after": "3600" }, { "retry-after-ms": "3600000" }, { "retry-after": "Fri, 31 Dec 2100 23:59:59 GMT" }, { "retry-after": "9".repeat(400) }]) {
      equal(await delayAfter(503, headers, { maxDelay: 30 }), 30, JSON.stringify(headers));
    }
    const own = await delayAfter(503, { "retry-after": "Fri" }, { baseDelay: 100 });
    assert(Object.isFrozen(Math) ? own <= 100 : own === 50, `the own back-off is ${own} ms`);
  },
};
