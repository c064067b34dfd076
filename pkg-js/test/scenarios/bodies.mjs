/** A body that a client watches keeps its nature: an opaque body ends with its limits, and a byte stream remains a byte stream. */
import { Client } from "waterspout";
import { assert, counts, equal, rejection } from "./support.mjs";
import { each, stalled, turn, urlOf, within } from "./stubs.mjs";

const URL_A = "http://127.0.0.1:1/a";

/** The longest wait for the end of a connection, in milliseconds. */
const END = "?wait=4000";

/** Options under which the caller's abort must reach an opaque body. */
const besideAnAbort = {
  nothing: {},
  "a limit": { timeout: 60_000 },
  "a total": { timeout: { total: 60_000 } },
  "an idle limit": { timeout: { idle: 60_000 } },
  retry: { retry: 3 },
  hooks: { hooks: { beforeRequest: () => undefined } },
  progress: { onDownloadProgress: () => undefined },
};

/** Options under which a limit must end an opaque body. */
const opaqueLimits = {
  request: { timeout: 1_000 },
  total: { timeout: { total: 1_000 } },
  "total, with retry": { timeout: { total: 1_000 }, retry: 3 },
};

/** Starts an opaque download without an end. Returns its response and a function that tells whether its connection has ended. */
async function opaque(fetch, lab, init, name = "") {
  const path = `${lab.key}${name.replace(/\W/g, "")}`;
  const response = await fetch(lab.url(`endless/${path}`), { mode: "no-cors", ...init });
  if (response.type !== "opaque") await response.body?.cancel();
  const ended = async (query = "") => `${response.type} ${await (await globalThis.fetch(lab.url(`ended/${path}${query}`))).text()}`;
  return { response, ended };
}

/** Returns whether the platform has opaque responses and its own fetch ends their downloads at an abort. */
async function endsOpaqueDownloads(lab) {
  const controller = new AbortController();
  const { response, ended } = await opaque(fetch, lab, { signal: controller.signal });
  if (response.type !== "opaque") return false;
  controller.abort();
  return (await ended(END)) === "opaque true";
}

/** Options under which a client watches a body in its own way. */
const watches = {
  nothing: {},
  progress: { onDownloadProgress: () => undefined },
  idle: { timeout: { idle: 60_000 } },
  request: { timeout: 60_000 },
  total: { timeout: { total: 60_000 } },
  "all of it": { onDownloadProgress: () => undefined, timeout: { idle: 60_000, request: 60_000, total: 60_000 }, retry: 2 },
};

/** Returns a BYOB reader of the body, or undefined if the body is not a byte stream. */
function byobReader(body) {
  try {
    return body.getReader({ mode: "byob" });
  } catch (error) {
    assert(error instanceof TypeError || error instanceof RangeError, String(error));
    return undefined;
  }
}

/** Reads a body to its end into buffers of `size` bytes, each of which must come back with its size. */
async function readInto(reader, size) {
  const pieces = [];
  for (;;) {
    const { done, value } = await reader.read(new Uint8Array(size));
    if (done) return pieces;
    assert(value instanceof Uint8Array && value.buffer.byteLength === size, `a buffer of ${value.buffer.byteLength} bytes`);
    pieces.push(...value);
  }
}

/** Returns a byte stream, or undefined in an engine without byte streams. */
function byteStream(source) {
  try {
    return new ReadableStream({ type: "bytes", ...source });
  } catch {
    return undefined;
  }
}

const encoded = (text) => new TextEncoder().encode(text);
const isByteStream = (body) => byobReader(body) !== undefined;

/** Ways to send a request, with what they return of it. */
const calls = {
  fetch: (client, url) => client.fetch(url),
  get: (client, url) => client.get(url),
};

/** Calls `check` for each way to send a request with each of the options. */
const everyWatch = (check) =>
  each(watches, async (options, watch) => {
    for (const [name, call] of Object.entries(calls)) await check(call, options, `${name} with ${watch}`);
  });

export const bodies = {
  // Each of these stops at the first failure: a browser opens only six connections to a server.
  async an_opaque_body_ends_with_an_abort(lab) {
    if (!(await endsOpaqueDownloads(lab))) return;
    for (const [name, options] of Object.entries(besideAnAbort)) {
      const controller = new AbortController();
      const { ended } = await opaque(new Client(options).fetch, lab, { signal: controller.signal }, name);
      equal(await ended(), "opaque false", `before the abort, with ${name}`);
      controller.abort();
      equal(await ended(END), "opaque true", `after the abort, with ${name}`);
    }
  },
  async an_opaque_body_ends_with_an_abort_of_its_request(lab) {
    if (!(await endsOpaqueDownloads(lab))) return;
    for (const [name, options] of Object.entries(besideAnAbort)) {
      const controller = new AbortController();
      const { fetch } = new Client(options);
      const { ended } = await opaque((url, init) => fetch(new Request(url, init)), lab, { signal: controller.signal }, name);
      controller.abort();
      equal(await ended(END), "opaque true", `after the abort, with ${name}`);
    }
  },
  async an_opaque_body_ends_with_its_limits(lab) {
    if (!(await endsOpaqueDownloads(lab))) return;
    for (const [name, options] of Object.entries(opaqueLimits)) {
      const { ended } = await opaque(new Client(options).fetch, lab, {}, name);
      equal(await ended(END), "opaque true", `after the limit ${name}`);
    }
  },
  async an_opaque_body_holds_no_slot(lab) {
    const client = new Client({ maxActive: 1, timeout: 60_000 });
    for (let request = 0; request < 3; request++) {
      const response = await within(client.get(lab.url("hello"), { mode: "no-cors" }), "the next request");
      if (response.type !== "opaque") return void (await response.text());
    }
    equal(counts(client), { active: 0, queued: 0 });
  },
  async a_byte_stream_of_the_platform_stays_one(lab) {
    const expected = isByteStream((await fetch(lab.url("hello"))).body);
    await everyWatch(async (call, options, name) => {
      const response = await call(new Client(options), lab.url("hello"));
      equal(isByteStream(response.body), expected, `whether the body is a byte stream, ${name}`);
    });
  },
  async a_clone_of_a_byte_stream_is_what_the_platforms_clone_is(lab) {
    const shape = (response) => {
      const copy = response.clone();
      return [isByteStream(copy.body), isByteStream(response.body)];
    };
    const expected = shape(await fetch(lab.url("hello")));
    await everyWatch(async (call, options, name) => {
      equal(shape(await call(new Client(options), lab.url("hello"))), expected, `[the clone, the original], ${name}`);
    });
  },
  async a_byob_reader_gets_the_whole_body(lab) {
    if (!isByteStream((await fetch(lab.url("hello"))).body)) return;
    await everyWatch(async (call, options, name) => {
      const short = await call(new Client(options), lab.url("hello"));
      equal(await readInto(short.body.getReader({ mode: "byob" }), 3), [...encoded("hello")], name);
      const long = await call(new Client(options), lab.url("bytes/300000"));
      const bytes = await readInto(long.body.getReader({ mode: "byob" }), 50_000);
      assert(bytes.length === 300_000 && bytes.every((byte, index) => byte === index % 251), `${bytes.length} bytes, ${name}`);
    });
  },
  async progress_counts_what_a_byob_reader_reads(lab) {
    if (!isByteStream((await fetch(lab.url("hello"))).body)) return;
    for (const timeout of [{}, { idle: 60_000 }, { idle: 60_000, request: 60_000, total: 60_000 }]) {
      const seen = [];
      const client = new Client({ timeout, onDownloadProgress: (progress) => seen.push(progress) });
      const { body } = await client.fetch(lab.url("bytes/300000"));
      await readInto(body.getReader({ mode: "byob" }), 50_000);
      equal(seen.at(-1), { bytes: 300_000, total: 300_000 });
      assert(seen.every(({ bytes }, index) => index === 0 || bytes >= seen[index - 1].bytes), "the count grows");
    }
  },
  async a_byte_stream_of_a_transport_stays_one() {
    const make = () => {
      let sent = 0;
      const pull = (controller) => {
        if (sent++ < 3) controller.enqueue(encoded("abc"));
        else {
          controller.close();
          controller.byobRequest?.respond(0);
        }
      };
      return byteStream({ pull });
    };
    const body = make();
    if (!body || !isByteStream(new Response(body).body)) return;
    await everyWatch(async (call, options, name) => {
      const response = await call(new Client({ ...options, fetch: async () => new Response(make()) }), URL_A);
      equal(await readInto(response.body.getReader({ mode: "byob" }), 2), [...encoded("abcabcabc")], name);
      const other = await call(new Client({ ...options, fetch: async () => new Response(make()) }), URL_A);
      equal(await other.text(), "abcabcabc", name);
    });
  },
  async a_stream_of_a_transport_that_has_no_byob_readers_gets_none() {
    const make = () => new Response(new ReadableStream({
      start(controller) {
        controller.enqueue(encoded("hello"));
        controller.close();
      },
    }));
    const expected = isByteStream(make().body);
    await everyWatch(async (call, options, name) => {
      const response = await call(new Client({ ...options, fetch: async () => make() }), URL_A);
      equal([isByteStream(response.body), await new Response(expected ? null : response.body).text()], [expected, expected ? "" : "hello"], name);
    });
  },
  async a_byob_reader_cancels_the_source() {
    await everyWatch(async (call, options, name) => {
      let told;
      const source = () => byteStream({ pull: (controller) => controller.enqueue(encoded("abc")), cancel: (reason) => void (told = reason) });
      const body = source();
      if (!body || !isByteStream(new Response(body).body)) return;
      const response = await call(new Client({ ...options, fetch: async () => new Response(source()) }), URL_A);
      const reader = response.body.getReader({ mode: "byob" });
      equal((await reader.read(new Uint8Array(3))).value.length, 3);
      await reader.cancel("enough");
      await turn();
      equal(told, "enough", name);
    });
  },
  async the_idle_limit_covers_a_byob_reader(lab) {
    if (!isByteStream((await fetch(lab.url("hello"))).body)) return;
    const client = new Client({ timeout: { idle: 300 } });
    const reader = (await client.fetch(lab.url("stall"))).body.getReader({ mode: "byob" });
    equal(new TextDecoder().decode((await reader.read(new Uint8Array(5))).value), "first");
    equal((await rejection(reader.read(new Uint8Array(5)))).name, "TimeoutError");
  },
  async an_abort_ends_a_body_in_every_kind_of_reader() {
    const readers = {
      getReader: async ({ body }) => {
        const reader = body.getReader();
        while (!(await reader.read()).done);
      },
      pipeTo: ({ body }) => body.pipeTo(new WritableStream()),
      text: (response) => response.text(),
      clone: (response) => response.clone().text(),
    };
    await each(readers, async (read) => {
      for (const options of Object.values(watches)) {
        const controller = new AbortController();
        const client = new Client({ ...options, fetch: stalled });
        const response = await client.fetch(URL_A, { signal: controller.signal });
        const reading = rejection(read(response));
        await turn();
        controller.abort(new RangeError("enough"));
        // Chromium's `text()` has an error of its own for a stream that fails.
        assert((await within(reading, "the reader")) instanceof Error, "an error");
        equal(counts(client), { active: 0, queued: 0 });
      }
    });
  },
  async a_watched_response_is_the_platforms_object() {
    let made;
    const fetch = async (input) => ((made = new Response("hello", { headers: { "x-url": urlOf(input) } })), made);
    for (const options of [{ timeout: 60_000 }, { timeout: { total: 60_000 } }]) {
      for (const [name, call] of Object.entries(calls)) {
        const response = await call(new Client({ ...options, fetch }), URL_A);
        assert(response === made, `the very object by ${name}`);
        equal([await response.text(), response.bodyUsed], ["hello", true]);
      }
    }
  },
};
