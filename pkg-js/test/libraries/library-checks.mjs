/**
 * The checks of each library: its requests wait in the client's queue, can be aborted, stream their responses, and are
 * repeated.
 */
import assert from "node:assert/strict";
import { Client } from "waterspout";
import { beforeEnd, check, rejection, until } from "./checks.mjs";
import { withServer } from "./server.mjs";

/** The options of the clients. With limits, the client sends a Request of its own and watches the response. */
const CLIENTS = {
  "": {},
  ", with limits": { timeout: { queue: 15_000, head: 15_000, idle: 15_000, total: 18_000 }, retry: { attempts: 2 }, hooks: { beforeRequest() {} } },
};

const WORDS = ["one", "two", "three", "four", "five", "six"];

/** Makes the checks with a library of the folder `clients`, or with a function of the folder `functions`. */
export async function checkLibrary(library) {
  const run = (fact, holds, options) =>
    check(`${library.name}: ${fact}`, () => withServer((server) => holds(library, server, { ...library.options, ...options })));
  for (const [kind, options] of Object.entries(CLIENTS)) {
    await run(`six calls run two at a time${kind}`, queueing, options);
    await run(`a running call and a waiting call can be aborted${kind}`, aborting, options);
    await run(`a response is read while it arrives${kind}`, streaming, options);
  }
  await run("the client repeats a call with its body", retrying);
  for (const [fact, holds] of Object.entries(library.more ?? {})) await run(fact, holds);
}

async function queueing(library, server, options) {
  const client = new Client({ ...options, maxActive: 2 });
  const api = library.create(client.fetch, server.url);
  const calls = WORDS.map((word) => library.call(api, word));
  const answers = Promise.all(calls);
  await beforeEnd(serve(), answers);
  assert.deepEqual(await answers, WORDS);
  assert.equal(server.peak, 2, `the server had ${server.peak} requests at once, not 2`);
  assertIdle(client);

  async function serve() {
    await until("the client has all six requests", () => running(client) + waiting(client) === WORDS.length);
    // A client without its limit has six requests running here.
    const atOnce = running(client);
    for (const index of WORDS.keys()) {
      await server.exchange(Math.min(index + atOnce, WORDS.length) - 1);
      server.exchanges[index].answer(library.reply(server.exchanges[index]));
    }
  }
}

async function aborting(library, server, options) {
  const client = new Client({ ...options, maxActive: 1 });
  const api = library.create(client.fetch, server.url);
  const [first, second] = [new AbortController(), new AbortController()];
  const run = library.call(api, "running", first.signal);
  const exchange = await beforeEnd(server.exchange(0), run);
  const wait = library.call(api, "waiting", second.signal);
  await beforeEnd(until("a request waits in the queue", () => waiting(client) === 1), wait);
  second.abort();
  const waitError = await rejection(wait);
  assert(library.isAbort(waitError), waitError);
  assert.deepEqual([running(client), waiting(client)], [1, 0]);
  first.abort();
  const runError = await rejection(run);
  assert(library.isAbort(runError), runError);
  await until("the server sees the abort", () => exchange.isAborted);
  assertIdle(client);
  const answer = library.call(api, "next");
  const next = await beforeEnd(server.exchange(1), answer);
  next.answer(library.reply(next));
  assert.equal(await answer, "next", "the slot must be free after the aborts");
  assert.equal(server.exchanges.length, 2, "the server must not see the request that waited");
}

async function streaming(library, server, options) {
  const client = new Client({ ...options, maxActive: 1 });
  const api = library.create(client.fetch, server.url);
  const { wire, stream } = library;
  const pieces = stream(api, "tell");
  const texts = ["alpha ", "beta ", "gamma"];
  let next = pieces.next();
  const exchange = await beforeEnd(server.exchange(0), next);
  exchange.start({ "content-type": wire.type });
  if (wire.open) exchange.write(wire.open);
  for (const [index, text] of texts.entries()) {
    exchange.write(wire.frame(text, index));
    // A library that reads whole responses gets the next piece once the response's head has freed the slot.
    if (wire.isWhole) await until("the slot is free after the head", () => running(client) === 0);
    else {
      assert.deepEqual(await next, { done: false, value: text });
      next = pieces.next();
    }
  }
  exchange.end(wire.close ?? "");
  if (wire.isWhole) {
    assert.deepEqual(await next, { done: false, value: texts.join("") });
    next = pieces.next();
  }
  assert.equal((await next).done, true, "the stream must end with the response");
  assertIdle(client);
}

async function retrying(library, server, options) {
  const client = new Client({ ...options, retry: { methods: ["GET", "POST"], baseDelay: 1 } });
  const calls = new Set();
  client.observe(({ id }) => calls.add(id));
  const answer = library.call(library.create(client.fetch, server.url), "again");
  for (const [index, status] of [503, 503, 200].entries()) {
    const exchange = await beforeEnd(server.exchange(index), answer);
    exchange.answer({ ...library.reply(exchange), status });
  }
  assert.equal(await answer, "again");
  assert.equal(calls.size, 1, "the client must repeat the call; a library that repeats it makes another call");
  const sent = server.exchanges.map(({ method, url, body, headers }) => [method, url, body, headers["content-type"]]);
  assert.deepEqual(sent, Array(3).fill(sent[0]));
}

const running = (client) => client.stats().active;
const waiting = (client) => client.stats().queued;

function assertIdle(client) {
  assert.deepEqual([running(client), waiting(client)], [0, 0], "no request may run or wait");
}
