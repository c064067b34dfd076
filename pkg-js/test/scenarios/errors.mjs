/** What the package's own errors tell: the body behind a status error, and the line of the call. */
import { Client, isTimeoutError, isWaterspoutError } from "waterspout";
import { assert, counts, equal, isPending, NOWHERE, openResponse, rejection, rejectsWith, sleep, transport, turns } from "./support.mjs";

const FREE = { active: 0, queued: 0 };
const JSON_TYPE = "application/json";

/** The largest body of a status error that is read, in bytes. */
const DATA_BYTES = 64 * 1024;

/** The ways to send a request, each with the slot that is its default. */
const CALLS = { fetch: (client, init) => client.fetch(NOWHERE, init), get: (client, init) => client.get(NOWHERE, init), text: (client, init) => client.get(NOWHERE, init).text() };

/** Returns a client that rejects for every status of an error, with a single slot. */
const strict = (answer, settings = {}) => new Client({ maxActive: 1, throwHttpErrors: true, fetch: transport(answer), ...settings });

/** Returns a Response with this status, whose body arrives in these pieces. */
function inPieces(pieces, type) {
  const body = new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
  return new Response(body, { status: 500, headers: { "content-type": type } });
}

export const errors = {
  async a_status_error_has_the_body_as_data() {
    const object = { message: "no", list: [1, "\u00e9"] };
    const rows = [
      [JSON_TYPE, JSON.stringify(object), object],
      ["application/json; charset=utf-8", JSON.stringify(object), object],
      ["Application/JSON", "[1]", [1]],
      ["application/problem+json", '{"title":"t"}', { title: "t" }],
      ["application/vnd.api+json;version=1", "null", null],
      [JSON_TYPE, '"text"', "text"],
      [JSON_TYPE, "0", 0],
      // A body that is no JSON is more help as text than not at all.
      [JSON_TYPE, "<html>", "<html>"],
      [JSON_TYPE, '{"cut":', '{"cut":'],
      ["text/plain", "h\u00e9llo", "h\u00e9llo"],
      ["text/html; charset=utf-8", "<p>no</p>", "<p>no</p>"],
      ["text/x-json", '{"a":1}', '{"a":1}'],
      ["application/octet-stream", "abc", "abc"],
      ["", "abc", "abc"],
    ];
    for (const [type, body, expected] of rows) {
      for (const [name, call] of Object.entries(CALLS)) {
        const client = strict(() => new Response(body, { status: 422, headers: { "content-type": type } }));
        const error = await rejectsWith(call(client), "STATUS");
        equal([error.data, error.response.status, error.attempts, error.request.url], [expected, 422, 1, NOWHERE], `${name} of ${type}`);
        equal([error.response.headers.get("content-type"), error.response.bodyUsed, counts(client)], [type, true, FREE]);
        assert(error.message.includes("422"), error.message);
      }
    }
  },
  async a_status_error_without_a_body_has_no_data() {
    for (const [body, type] of [[null, undefined], [null, JSON_TYPE], ["", JSON_TYPE], ["", "text/plain"]]) {
      const client = strict(() => new Response(body, { status: 404, headers: type ? { "content-type": type } : {} }));
      const { data } = await rejectsWith(client.get(NOWHERE).json(), "STATUS");
      assert(data === undefined || (data === "" && body === ""), `${JSON.stringify(data)} of ${JSON.stringify(body)}`);
      equal(counts(client), FREE);
    }
  },
  async a_status_error_of_a_server_has_its_data(lab) {
    const client = new Client({ maxActive: 1, throwHttpErrors: true, baseUrl: lab.url("") });
    for (const call of [() => client.fetch("status/404"), () => client.get("status/404").json()]) {
      const error = await rejectsWith(call(), "STATUS");
      equal([error.data, error.response.url, counts(client)], ["status 404", lab.url("status/404"), FREE]);
    }
    const refused = await rejectsWith(client.get("slow?fail=1&chunks=3&size=100000"), "STATUS");
    equal([refused.response.status, refused.data], [503, undefined]);
  },
  async the_data_of_a_status_error_is_bounded() {
    const text = (length) => "x".repeat(length);
    const rows = [
      [[text(DATA_BYTES)], DATA_BYTES],
      [[text(DATA_BYTES - 1), "x"], DATA_BYTES],
      [[text(DATA_BYTES), "x"], undefined],
      [[text(DATA_BYTES + 1)], undefined],
      // The bound counts bytes, and these are three bytes each.
      [["\u20ac".repeat(DATA_BYTES / 2)], undefined],
    ];
    for (const [pieces, length] of rows) {
      const client = strict(() => inPieces(pieces.map((piece) => new TextEncoder().encode(piece)), "text/plain"));
      const { data } = await rejectsWith(client.fetch(NOWHERE), "STATUS");
      equal([data?.length, counts(client)], [length, FREE], `${pieces.length} pieces`);
    }
  },
  async a_body_beyond_the_bound_is_cancelled() {
    let [pulled, cancelled] = [0, false];
    const endless = { pull: (controller) => (pulled++, controller.enqueue(new Uint8Array(1024))), cancel: () => void (cancelled = true) };
    const client = strict(() => new Response(new ReadableStream(endless), { status: 500 }));
    equal([(await rejectsWith(client.fetch(NOWHERE), "STATUS")).data, cancelled], [undefined, true]);
    // A stream that prefetches may be a few pieces ahead.
    assert(pulled < DATA_BYTES / 1024 + 8, `${pulled} pieces were read`);
  },
  async a_body_beyond_the_bound_leaves_no_connection(lab) {
    for (const via of ["fetch", "get"]) {
      const key = `${lab.key}-${via}`;
      // The status of this response is 200, so a hook turns it into an error.
      const afterResponse = ({ response }) => new Response(response.body, { status: 500 });
      const client = new Client({ throwHttpErrors: true, hooks: { afterResponse } });
      equal((await rejectsWith(client[via](lab.url(`endless/${key}`)), "STATUS")).data, undefined);
      equal(await (await fetch(lab.url(`ended/${key}?wait=5000`))).text(), "true");
    }
  },
  async characters_split_between_pieces_are_whole_in_the_data() {
    const bytes = new TextEncoder().encode('{"a":"\u20ac\u{1f30a}"}');
    const client = strict(() => inPieces(Array.from(bytes, (byte) => Uint8Array.of(byte)), JSON_TYPE));
    equal((await rejectsWith(client.fetch(NOWHERE), "STATUS")).data, { a: "\u20ac\u{1f30a}" });
  },
  async a_body_that_fails_leaves_a_status_error_without_data() {
    const answer = () => {
      const opened = openResponse({ status: 500 });
      opened.send("part");
      sleep(1).then(() => opened.fail(new TypeError("cut")));
      return opened.response;
    };
    const client = strict(answer);
    const error = await rejectsWith(client.fetch(NOWHERE), "STATUS");
    equal([error.data, error.response.status, counts(client)], [undefined, 500, FREE]);
  },
  async a_body_that_hangs_ends_with_the_limits_of_its_request() {
    const answer = ({ signal }) => openResponse({ signal, status: 500 }).response;
    for (const timeout of [40, { total: 40 }]) {
      const client = strict(answer, { timeout });
      const error = await rejection(client.fetch(NOWHERE));
      assert(isTimeoutError(error) || isWaterspoutError(error, "STATUS"), String(error));
      equal(counts(client), FREE);
    }
    for (const settings of [{}, { timeout: 60_000 }, { retry: 2 }]) {
      const controller = new AbortController();
      const client = strict(answer, settings);
      const request = client.fetch(NOWHERE, { method: "POST", signal: controller.signal });
      assert(await isPending(request), "the body is open");
      controller.abort("enough");
      equal([await rejection(request), counts(client)], ["enough", FREE]);
    }
    const client = strict(answer);
    const request = rejectsWith(client.fetch(NOWHERE), "CLOSED");
    await turns();
    client.close({ now: true });
    await request;
  },
  async the_data_comes_from_the_last_attempt_and_reaches_hooks() {
    const told = [];
    const answer = (_, count) => Response.json({ count }, { status: 503 });
    const client = strict(() => undefined, { fetch: transport(answer), retry: { attempts: 3, baseDelay: 0 }, hooks: { onError: ({ error }) => void told.push(error.data) } });
    const { data, attempts } = await rejectsWith(client.get(NOWHERE).json(), "STATUS");
    equal([data, attempts, told], [{ count: 3 }, 3, [{ count: 3 }]]);
  },
  async errors_of_the_platform_have_no_data() {
    const error = await rejection(new Client({ fetch: () => Promise.reject(new TypeError("no")) }).fetch(NOWHERE));
    equal([error.message, "data" in error], ["no", false]);
  },

  async the_caller_appears_in_the_stack() {
    const silent = () => new Promise(() => {});
    const busy = new Client({ maxActive: 1, maxQueued: 0, fetch: silent });
    busy.fetch(NOWHERE).catch(() => undefined);
    const closed = new Client();
    closed.close();
    const waits = new Client({ throwHttpErrors: true, fetch: transport(() => sleep(5).then(() => new Response("no", { status: 404 }))), retry: { attempts: 2, baseDelay: 0, statusCodes: [404] } });
    // A method keeps its name in a bundle whose functions have shorter names.
    const callers = {
      async callerOfAStatus(send) { await send(waits); },
      async callerOfAFullQueue(send) { await send(busy); },
      async callerOfAClosedClient(send) { await send(closed); },
    };
    const codes = ["STATUS", "QUEUE_FULL", "CLOSED"];
    for (const [index, [name, call]] of Object.entries(callers).entries()) {
      for (const via of ["fetch", "get", "json"]) {
        const send = (client, then) => {
          const request = via === "json" ? client.get(NOWHERE).json() : client[via](NOWHERE);
          if (then) setTimeout(then, 5);
          return request;
        };
        const { stack } = await rejectsWith(call(send), codes[index]);
        assert(stack.includes(name), `${name} by ${via}: ${stack}`);
      }
    }
    busy.close({ now: true });
  },
};
