/** Timers end with what they limit, and a request whose timers never fire does not keep its slot. */
import { Client } from "waterspout";
import { assert, counts, equal, rejection, sleep } from "./support.mjs";
import { each, holding, quiet, silent, stalled, turn, until, urlOf, whileReplaced, within } from "./stubs.mjs";

const URL_A = "http://127.0.0.1:1/a";

/** A limit in milliseconds that no timer of an engine has, so that the package's timers are known by it. */
const LONG = 7_000_000;
const LONG_LIMITS = { queue: LONG, head: LONG, idle: LONG, request: LONG, total: LONG };
const settings = {
  request: { timeout: LONG },
  total: { timeout: { total: LONG } },
  idle: { timeout: { idle: LONG } },
  head: { timeout: { head: LONG } },
  "all limits": { timeout: LONG_LIMITS },
  "all limits, with progress": { timeout: LONG_LIMITS, onDownloadProgress: () => undefined },
  "all limits, with retry": { timeout: LONG_LIMITS, retry: 2 },
};

/** Calls `work` with the set of the long timers that are set and have neither fired nor been cleared. */
function countingTimers(work) {
  const { setTimeout, clearTimeout } = globalThis;
  const running = new Set();
  const set = (act, delay, ...args) => {
    const timer = setTimeout(() => (running.delete(timer), act(...args)), delay);
    if (delay > LONG / 2) running.add(timer);
    return timer;
  };
  const clear = (timer) => (running.delete(timer), clearTimeout(timer));
  return whileReplaced(globalThis, { setTimeout: set, clearTimeout: clear }, () => work(running));
}

const bytes = (text) => new TextEncoder().encode(text);

/** Returns a Response with a body of two pieces of JSON. */
function pieces() {
  const start = (body) => {
    for (const piece of ['{"a":', "1}"]) body.enqueue(bytes(piece));
    body.close();
  };
  return new Response(new ReadableStream({ start }), { headers: { "content-type": "application/json" } });
}

async function toEnd(reader) {
  while (!(await reader.read()).done);
}

/** Ways to the end of a response's body. A way that the platform lacks returns without reading, and is cancelled. */
const ways = {
  text: async (response) => equal(await response.text(), '{"a":1}'),
  json: async (response) => equal(await response.json(), { a: 1 }),
  arrayBuffer: (response) => response.arrayBuffer(),
  blob: (response) => response.blob(),
  bytes: (response) => (response.bytes ? response.bytes() : response.text()),
  "a reader": (response) => toEnd(response.body.getReader()),
  "a reader that cancels after a piece": async (response) => {
    const reader = response.body.getReader();
    await reader.read();
    await reader.cancel();
  },
  "a reader that cancels at once": (response) => response.body.getReader().cancel(),
  "a reader that is released, and then text of another Response": async (response) => {
    response.body.getReader().releaseLock();
    await new Response(response.body).text();
  },
  cancel: (response) => response.body.cancel(),
  "for await": async (response) => {
    if (!response.body[Symbol.asyncIterator]) return response.body.cancel();
    for await (const piece of response.body) assert(piece.length > 0, "a piece");
  },
  "for await with a break": async (response) => {
    if (!response.body[Symbol.asyncIterator]) return response.body.cancel();
    for await (const piece of response.body) if (piece.length > 0) break;
  },
  pipeTo: (response) => response.body.pipeTo(new WritableStream()),
  pipeThrough: (response) => toEnd(response.body.pipeThrough(new TransformStream()).getReader()),
  "pipeTo a stream that fails": async (response) => {
    const write = () => Promise.reject(new Error("full"));
    await rejection(response.body.pipeTo(new WritableStream({ write })));
  },
  tee: (response) => Promise.all(response.body.tee().map((branch) => toEnd(branch.getReader()))),
  "tee, of which a branch is cancelled": async (response) => {
    const [read, cancelled] = response.body.tee();
    cancelled.cancel();
    await toEnd(read.getReader());
  },
  "tee, of which both branches are cancelled": (response) => Promise.all(response.body.tee().map((branch) => branch.cancel())),
  "clone, both read": (response) => {
    const copy = response.clone();
    return Promise.all([copy.text(), response.text()]);
  },
  "clone, the copy first": async (response) => {
    const copy = response.clone();
    equal(await copy.json(), { a: 1 });
    await response.text();
  },
  "a clone of a clone": (response) => {
    const copy = response.clone();
    return Promise.all([copy.clone().text(), copy.text(), response.text()]);
  },
  "clone, both cancelled": (response) => {
    const copy = response.clone();
    return Promise.all([copy.body.cancel(), response.body.cancel()]);
  },
};

/** Ends of requests other than a body that was read: a transport, and what is done with the request. */
const ends = {
  "a response without a body": [async () => new Response(null, { status: 204 })],
  "an empty body": [async () => new Response(""), (sent) => sent.then((response) => response.text())],
  "a transport that rejects": [() => Promise.reject(new TypeError("no"))],
  "a transport that throws": [() => { throw new TypeError("no"); }],
  "an abort": [silent, (sent, controller) => controller.abort()],
  "an abort in the body": [stalled, async (sent, controller) => {
    const { body } = await sent;
    controller.abort();
    await rejection(toEnd(body.getReader()));
  }],
  "an abort of an unread body": [stalled, async (sent, controller) => void (await sent, controller.abort())],
  "a body that fails": [
    async () => new Response(new ReadableStream({ pull: (body) => body.error(new TypeError("lost")) })),
    async (sent) => void (await rejection(toEnd((await sent).body.getReader()))),
  ],
  "a closed client": [silent, (sent, controller, client) => client.close({ now: true })],
  "another attempt that succeeds": [retried(200), (sent) => sent.then((response) => response.text())],
  "an end of the attempts": [retried(503), (sent) => sent.then((response) => response.text())],
};

/** Returns a transport that answers 503 and then `status`, for each URL anew. */
function retried(status) {
  const calls = {};
  return async (input) => {
    const url = urlOf(input);
    calls[url] = (calls[url] ?? 0) + 1;
    return new Response("hello", { status: calls[url] % 2 ? 503 : status });
  };
}

/** A timer that never fires. Node's own fetch may get it too, so it has the methods of Node's timers. */
const deadTimer = { ref: () => deadTimer, unref: () => deadTimer };

/** Calls `work` while timers are set but never fire, as after the end of the context that set them. */
const withDeadTimers = (work) => whileReplaced(globalThis, { setTimeout: () => deadTimer, clearTimeout: () => undefined }, work);

/** Limits that end a request without the request's own timers, and how it holds what further requests wait for. */
const overdue = {
  "a head": { timeout: { head: 30 } },
  "a request": { timeout: 30 },
  "a total": { timeout: { total: 30 } },
  "all of these": { timeout: { head: 30, request: 40, total: 50 } },
  "a slot of the origin": { maxActive: 10, maxActivePerOrigin: 1, timeout: 30 },
  "a request with retry": { timeout: 30, retry: 3 },
};

export const timers = {
  async a_body_that_was_read_leaves_no_timer() {
    for (const [setting, options] of Object.entries(settings)) {
      await each(ways, (read, way) =>
        countingTimers(async (running) => {
          const client = new Client({ fetch: async () => pieces(), ...options });
          const response = await client.fetch(URL_A);
          await read(response);
          await turn();
          equal(running.size, 0, `timers after ${way} with ${setting}`);
        }),
      );
    }
  },
  async a_body_of_the_platform_that_was_read_leaves_no_timer(lab) {
    const platformWays = { ...ways };
    await each(platformWays, (read, way) =>
      countingTimers(async (running) => {
        const client = new Client({ timeout: LONG_LIMITS });
        const response = await client.fetch(lab.url("echo"), { method: "POST", body: '{"a":1}' });
        await read(response);
        await turn();
        equal(running.size, 0, `timers after ${way}`);
      }),
    );
  },
  async a_shortcut_that_read_its_body_leaves_no_timer() {
    const readers = ["json", "text", "blob", "arrayBuffer", "bytes"];
    await each(settings, (options) =>
      countingTimers(async (running) => {
        const client = new Client({ fetch: async () => pieces(), ...options });
        for (const reader of readers) {
          await client.get(URL_A)[reader]();
          await turn();
          equal(running.size, 0, `timers after ${reader}`);
        }
      }),
    );
  },
  async a_request_that_ended_leaves_no_timer() {
    for (const [setting, options] of Object.entries(settings)) {
      await each(ends, ([transport, end]) =>
        countingTimers(async (running) => {
          const controller = new AbortController();
          const client = new Client({ maxActive: 1, fetch: transport, ...options, retry: { attempts: 2, baseDelay: 0 } });
          const sent = quiet(client.fetch(URL_A, { signal: controller.signal }));
          await turn();
          await end?.(sent, controller, client);
          await sent.catch(() => undefined);
          await turn();
          equal([running.size, counts(client)], [0, { active: 0, queued: 0 }], `timers with ${setting}`);
        }),
      );
    }
  },
  async a_queued_request_that_ended_leaves_no_timer() {
    await countingTimers(async (running) => {
      const client = new Client({ maxActive: 1, fetch: silent, timeout: LONG_LIMITS });
      const [first, second] = [new AbortController(), new AbortController()];
      const requests = [first, second, first, first].map(({ signal }) => rejection(client.fetch(URL_A, { signal })));
      await turn();
      assert(running.size > 0, "the limits have timers");
      second.abort();
      client.clear();
      first.abort();
      await Promise.all(requests);
      await turn();
      equal([running.size, counts(client)], [0, { active: 0, queued: 0 }]);
    });
  },
  async a_status_error_leaves_no_timer() {
    await each(settings, (options) =>
      countingTimers(async (running) => {
        const fetch = async () => new Response("x".repeat(200_000), { status: 404 });
        const client = new Client({ fetch, throwHttpErrors: true, ...options });
        equal((await rejection(client.fetch(URL_A))).code, "STATUS");
        await turn();
        equal(running.size, 0, "timers");
      }),
    );
  },
  async a_client_works_without_a_finalization_registry() {
    await whileReplaced(globalThis, { FinalizationRegistry: undefined }, async () => {
      const client = new Client({ maxActive: 1, timeout: { request: 60_000, total: 60_000, idle: 60_000 }, retry: 2, fetch: async () => pieces() });
      const texts = [1, 2].map(() => client.get(URL_A).text());
      equal(await Promise.all(texts), ['{"a":1}', '{"a":1}']);
      equal(await (await client.fetch(URL_A)).json(), { a: 1 });
      const limited = new Client({ fetch: stalled, timeout: 30 });
      equal((await rejection(toEnd((await limited.fetch(URL_A)).body.getReader()))).name, "TimeoutError");
      equal(counts(client), { active: 0, queued: 0 });
    });
  },
  async an_overdue_request_gives_its_slot_to_the_next() {
    await each(overdue, async ({ timeout, retry, ...options }) => {
      const transport = holding();
      const client = new Client({ maxActive: 1, fetch: transport.fetch, ...options });
      const dead = await withDeadTimers(() => ({ outcome: rejection(client.fetch(URL_A, { waterspout: { timeout, retry } })) }));
      equal(counts(client), { active: 1, queued: 0 });
      await sleep(70);
      const next = quiet(client.fetch(`${URL_A}?next`));
      await until(() => transport.held.some(({ url }) => url.endsWith("?next")), "the next request's attempt");
      transport.held.find(({ url }) => url.endsWith("?next")).release();
      equal(await (await next).text(), "hello");
      equal((await within(dead.outcome, "the overdue request")).name, "TimeoutError");
      equal(counts(client), { active: 0, queued: 0 });
    });
  },
  async an_overdue_body_gives_its_slot_to_the_next() {
    const client = new Client({ maxActive: 1, fetch: async (input, init) => (urlOf(input).endsWith("?next") ? pieces() : stalled(input, init)) });
    await withDeadTimers(() => client.get(URL_A, { waterspout: { timeout: 30 } }));
    await sleep(70);
    equal(await within(client.get(`${URL_A}?next`).json(), "the next request"), { a: 1 });
  },
  async an_overdue_request_in_the_queue_gives_its_place_to_the_next() {
    for (const limit of ["queue", "total"]) {
      const transport = holding();
      const client = new Client({ maxActive: 1, maxQueued: 1, fetch: transport.fetch });
      const first = client.fetch(URL_A);
      const dead = await withDeadTimers(() => ({ outcome: rejection(client.fetch(URL_A, { waterspout: { timeout: { [limit]: 30 } } })) }));
      await sleep(70);
      const next = quiet(client.fetch(`${URL_A}?next`));
      equal((await within(dead.outcome, "the overdue request")).name, "TimeoutError", limit);
      transport.release();
      await first;
      await until(() => transport.held.length === 1, "the next request's attempt");
      transport.release();
      equal(await (await next).text(), "hello");
    }
  },
  async a_rate_whose_timer_died_goes_on_with_the_next_request() {
    for (const name of ["rateLimit", "rateLimitPerOrigin"]) {
      const client = new Client({ fetch: async () => new Response("hello"), [name]: { requests: 1, per: 30 } });
      await client.fetch(URL_A);
      const dead = await withDeadTimers(() => ({ outcome: quiet(client.fetch(URL_A)) }));
      await sleep(50);
      const next = quiet(client.fetch(URL_A));
      equal((await within(dead.outcome, `the request with a dead timer of ${name}`)).status, 200);
      equal((await within(next, `the next request of ${name}`)).status, 200);
    }
  },
};
