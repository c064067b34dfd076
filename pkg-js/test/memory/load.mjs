/**
 * Sends requests of every kind through the same client, in batches: some are answered in place, some by the lab. Each kind checks its
 * outcome. Runs in Node and in a page.
 */
import { collect, countedSignal, memoryBytes, timersAlive } from "./watch.mjs";

const { Client, isTimeoutError, isWaterspoutError } = await import("../../dist/index.js");

const [maxActive, maxQueued] = [8, 40];
const shared = countedSignal();
const flaky = new Set();
const done = {};
let serial = 0;

/** Throws if a request had another outcome than its kind. */
function check(holds, what) {
  if (!holds) throw new Error(`${what} had another outcome`);
}

const rejection = (promise) => promise.then(() => undefined, (error) => error);

/** Answers a request as the lab does, without a server. */
async function inPlace(request) {
  const [, experiment, argument] = new URL(request.url).pathname.slice(1).split("/");
  if (experiment === "silence") return new Promise((_, reject) => request.signal.addEventListener("abort", () => reject(request.signal.reason)));
  if (experiment === "close") throw new TypeError("no network");
  if (experiment === "echo") return new Response(await request.text());
  if (experiment === "events") return new Response("id: 1\ndata: a\n\ndata: b\n\n", { headers: { "content-type": "text/event-stream" } });
  if (experiment === "flaky" && !flaky.delete(argument)) {
    flaky.add(argument);
    return new Response("busy", { status: 503 });
  }
  return new Response("hello", { headers: { "content-length": "5" } });
}

const client = new Client({
  maxActive,
  maxQueued,
  maxActivePerOrigin: maxActive,
  rateLimitPerOrigin: { requests: 1_000_000, per: 1 },
  fetch: (url, init) => (url.includes(".test/") ? inPlace(new Request(url, init)) : fetch(url, init)),
});

const text = async (response) => (await response).text();
const nothing = () => undefined;

/** The kinds, in the order of the queue. `to` returns a URL, `first` is the promise of the batch's first response. */
const kinds = {
  async aborted_in_flight({ to, first }) {
    const controller = new AbortController();
    const sent = rejection(client.fetch(to("silence"), { signal: controller.signal }));
    await first;
    controller.abort("in flight");
    check((await sent) === "in flight", "an abort in flight");
  },
  async plain({ to }) {
    check((await text(client.fetch(to("hello")))) === "hello", "a plain request");
  },
  async failing({ to }) {
    check((await rejection(client.fetch(to("close")))) instanceof TypeError, "a failure");
  },
  async retried({ to }) {
    const retry = { attempts: 3, baseDelay: 0 };
    check((await client.fetch(to(`flaky/memory-${++serial % 100}`), { waterspout: { retry } })).status === 200, "another attempt");
  },
  async limited({ to }) {
    const timeout = { queue: 60_000, head: 60_000, total: 60_000 };
    check((await text(client.fetch(to("hello"), { waterspout: { timeout } }))) === "hello", "a request with limits");
  },
  async overdue({ to }) {
    check(isTimeoutError(await rejection(client.fetch(to("silence"), { waterspout: { timeout: { head: 1 } } }))), "a limit");
  },
  async with_a_shared_signal({ to }) {
    check((await text(client.fetch(to("hello"), { signal: shared.signal }))) === "hello", "a shared signal");
  },
  async with_a_shared_signal_and_limits({ to }) {
    const call = { signal: shared.signal, waterspout: { timeout: 60_000 } };
    check((await text(client.fetch(to("hello"), call))) === "hello", "a shared signal and a limit");
  },
  async to_another_origin() {
    check((await text(client.fetch(`http://${++serial}.test/lab/hello`))) === "hello", "another origin");
  },
  async with_progress({ to }) {
    let told = 0;
    const tell = () => told++;
    const call = { method: "POST", body: "hello", waterspout: { onDownloadProgress: tell, onUploadProgress: tell } };
    check((await text(client.fetch(to("echo"), call))) === "hello" && told >= 3, "progress");
  },
  async with_hooks({ to }) {
    const hooks = { beforeRequest: async () => undefined, beforeRetry: nothing, afterResponse: ({ response }) => response, onError: nothing };
    check((await text(client.fetch(to("hello"), { waterspout: { hooks } }))) === "hello", "hooks");
  },
  async by_a_shortcut({ to }) {
    check((await client.post(to("echo"), { json: [1], searchParams: { a: "b" } }).json())[0] === 1, "a shortcut");
  },
  async aborted_in_the_queue({ to }) {
    const controller = new AbortController();
    const before = client.stats().queued;
    const sent = rejection(client.fetch(to("close"), { signal: controller.signal }));
    const queued = client.stats().queued;
    controller.abort("in the queue");
    check((await sent) === "in the queue" && queued === before + 1, "an abort in the queue");
  },
  async turned_away({ to }) {
    check(isWaterspoutError(await rejection(client.fetch(to("hello"))), "QUEUE_FULL"), "a full queue");
  },
};

const often = { plain: 10, with_a_shared_signal: 4, to_another_origin: 6, limited: 3, with_hooks: 2, by_a_shortcut: 2, aborted_in_the_queue: 4 };

/** Reads events. A batch runs this kind by itself, at its end: the requests take their slots at their own times. */
async function asEvents({ to }) {
  const seen = [];
  for await (const { data } of client.events(to("events"), { signal: shared.signal })) if (seen.push(data) === 2) break;
  check(seen.length === 2, "events");
}

/** Sends a batch. Returns the number of its requests. */
async function batch(lab) {
  const stop = client.observe(nothing);
  const to = (experiment) => `${lab}/lab/${experiment}`;
  const all = [];
  let first;
  const send = (name, kind = kinds[name]) => {
    done[name] = (done[name] ?? 0) + 1;
    all.push(kind({ to, first }));
    return all.at(-1);
  };
  first = send("plain");
  const { turned_away, ...others } = kinds;
  for (const name of Object.keys(others)) for (let times = often[name] ?? 1; times > 0; times--) send(name);
  while (client.stats().queued < maxQueued) send("plain");
  for (let times = 0; times < 2; times++) send("turned_away", turned_away);
  await Promise.all(all);
  await send("as_events", asEvents);
  stop();
  return all.length;
}

/** Sends batches until there were at least `min` requests. Returns the number of requests. */
export async function requests(min, lab = "http://in-place.test") {
  let sent = 0;
  while (sent < min) sent += await batch(lab);
  return sent;
}

/** Uses clients and drops them. */
export async function clients(many) {
  for (let made = 0; made < many; made++) {
    const dropped = new Client({ maxActivePerOrigin: 2, fetch: (url, init) => inPlace(new Request(url, init)) });
    check((await text(dropped.fetch("http://in-place.test/lab/hello"))) === "hello", "a client of its own");
    if (made % 100 === 99) await collect(2);
  }
}

/** Returns the resources that are held now, as far as this program can see. */
export function held() {
  const { active, queued, origins } = client.stats();
  return { memory: memoryBytes(), timers: timersAlive(), listeners: shared.listeners(), requests: active + queued + origins.length };
}

/** Returns the number of requests of each kind. */
export const kindsDone = () => done;

export { bodies } from "./bodies.mjs";
export { dropped } from "./dropped.mjs";
