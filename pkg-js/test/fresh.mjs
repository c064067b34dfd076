/** Programs for a Node process of their own: the package must not have been used before in it. */

/** A program in an engine without `FinalizationRegistry`, as workerd is at older compatibility dates. */
export const withoutRegistry = `import assert from "node:assert/strict";
// Node's own fetch needs the registry when it is loaded, which is at its first use.
new Request("http://a/", { signal: new AbortController().signal });
delete globalThis.FinalizationRegistry;
const { Client } = await import("waterspout");
const answer = async () => new Response("hello");
const options = { none: {}, limits: { timeout: { queue: 60_000, head: 60_000, idle: 60_000, request: 60_000, total: 60_000 } }, retry: { retry: 2 }, progress: { onDownloadProgress() {} } };
for (const settings of Object.values(options)) {
  const client = new Client({ maxActive: 1, fetch: answer, ...settings });
  const { signal } = new AbortController();
  const texts = [1, 2, 3].map(() => client.get("http://a/", { signal }).text());
  assert.deepEqual(await Promise.all(texts), ["hello", "hello", "hello"]);
  assert.equal(await (await client.fetch("http://a/", { signal })).text(), "hello");
  assert.deepEqual([client.stats().active, client.stats().queued], [0, 0]);
}
const stalled = async (input, init) => new Response(new ReadableStream({ start: (body) => (init?.signal ?? input.signal).addEventListener("abort", (event) => body.error(event.target.reason)) }));
// A limit does not keep the process alive, and this body has no connection that does.
const alive = setInterval(() => {}, 1_000);
const limited = await new Client({ fetch: stalled, timeout: 50 }).fetch("http://a/");
await assert.rejects(limited.body.getReader().read(), { name: "TimeoutError" });
clearInterval(alive);
const { Client: Slim, init } = await import("waterspout/slim");
await init();
assert.equal(await new Slim({ fetch: answer }).get("http://a/").text(), "hello");`;

/** The start of a program whose core traps in its next call once `breaks` is set. `made` is the number of instances. */
const trappingCore = `const { Instance, RuntimeError } = WebAssembly;
let breaks = false;
let made = 0;
const trapping = (call) => (...args) => {
  if (breaks) {
    breaks = false;
    throw new RuntimeError("unreachable");
  }
  return call(...args);
};
WebAssembly.Instance = class {
  constructor(...given) {
    made += 1;
    const { exports } = new Instance(...given);
    this.exports = Object.fromEntries(Object.entries(exports).map(([name, value]) => [name, typeof value === "function" ? trapping(value) : value]));
  }
};`;

/** A program whose core traps while requests with hostile objects run and wait. */
export const hostileRequests = `import assert from "node:assert/strict";
${trappingCore}
const { Client, isWaterspoutError } = await import("waterspout");
const unhandled = [];
for (const name of ["unhandledRejection", "uncaughtException"]) process.on(name, (error) => unhandled.push(String(error)));
const hostile = () => { throw new Error("hostile"); };
const trapped = (object, member) => Object.defineProperty(object, member, { configurable: true, get: hostile });
const silent = () => new Promise(() => {});
const signalThat = (member) => {
  const { signal } = new AbortController();
  // The signal throws once the request has been sent.
  setTimeout(() => trapped(signal, member));
  return signal;
};
const stream = () => new ReadableStream({ cancel: hostile });
const calls = {
  "onError throws": (client) => client.fetch("http://a/", { waterspout: { hooks: { onError: hostile } } }),
  "onError rejects": (client) => client.fetch("http://a/", { waterspout: { hooks: { onError: async () => hostile() } } }),
  "a body throws when it is cancelled": (client) => client.fetch("http://a/", { method: "POST", body: stream(), duplex: "half" }),
  "aborted throws": (client) => client.fetch("http://a/", { signal: signalThat("aborted") }),
  "reason throws": (client) => client.fetch("http://a/", { signal: signalThat("reason") }),
  "removeEventListener throws": (client) => client.fetch("http://a/", { signal: signalThat("removeEventListener") }),
  "a hook waits": (client) => client.fetch("http://a/", { waterspout: { hooks: { beforeRequest: silent } } }),
};
for (const maxActive of [1, 100]) {
  const client = new Client({ maxActive, fetch: silent, timeout: 600_000, retry: { attempts: 2, when: hostile } });
  const plain = new Client({ maxActive: 1, fetch: silent });
  client.observe(hostile);
  client.observe(async () => hostile());
  client.observe(() => trapped({}, "then"));
  const lost = [plain.fetch("http://a/running"), ...Object.values(calls).map((call) => call(client)), plain.fetch("http://a/waiting")];
  // Requests that run need the core no more: they go on until their client is closed.
  const isRunning = (index) => index <= maxActive && index <= Object.keys(calls).length;
  const outcomes = Promise.allSettled(lost);
  await new Promise((resolve) => setTimeout(resolve, 10));
  breaks = true;
  const breaking = plain.fetch("http://a/breaking").catch((error) => error);
  await breaking;
  for (const each of [client, plain]) each.close({ now: true });
  const all = [...(await outcomes).map(({ reason }) => reason), await breaking];
  const names = ["running", ...Object.keys(calls), "waiting", "breaking"];
  for (const [index, error] of all.entries()) {
    assert(isWaterspoutError(error, isRunning(index) ? "CLOSED" : "INTERNAL"), names[index] + ", " + maxActive + " slots: " + error);
  }
  for (const { active, queued } of [client.stats(), plain.stats()]) assert.deepEqual([active, queued], [0, 0]);
  assert.equal(await new Client({ fetch: async () => new Response("hello") }).get("http://a/").text(), "hello");
}
await new Promise((resolve) => setTimeout(resolve, 20));
assert.deepEqual(unhandled, []);
process.exit(0);`;

/** A program whose core traps during a call, as a core with a defect or without memory would. */
export const brokenCore = `import assert from "node:assert/strict";
${trappingCore}
const { Client, isWaterspoutError } = await import("waterspout");
const sent = [];
const fetch = () => new Promise((resolve) => sent.push(resolve));
const client = new Client({ maxActive: 1, timeout: 600_000, fetch });
const paused = new Client({ fetch });
const closed = new Client({ fetch });
paused.pause();
closed.close();
const running = client.fetch("http://a/running");
const lost = [client.fetch("http://a/waiting"), paused.fetch("http://a/paused")];
breaks = true;
lost.push(client.fetch("http://a/breaking"));
for (const { reason } of await Promise.allSettled(lost)) assert(isWaterspoutError(reason, "INTERNAL"), reason);
// A request that runs needs the core no more: it goes on.
assert.deepEqual([client.stats().active, client.stats().queued, sent.length], [1, 0, 1]);
const answer = client.fetch("http://a/after");
sent[0](new Response("late"));
assert.equal(await (await running).text(), "late");
sent[1](new Response("hello"));
assert.equal(await (await answer).text(), "hello");
assert.equal(made, 2);
const waiting = paused.fetch("http://a/still-paused");
assert.equal(paused.stats().queued, 1);
paused.clear();
await assert.rejects(waiting, { code: "CLEARED" });
await assert.rejects(closed.fetch("http://a/still-closed"), { code: "CLOSED" });`;
