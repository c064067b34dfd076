/** The modes of the benchmark: the platform's fetch, the client's fetch, and fetch behind other queues. Runs in Node and in a page. */
import ky from "ky";
import PQueue from "p-queue";
import { Client } from "../dist/index.js";

/** The number of simultaneous requests in the parallel modes. */
const CROWD = 1_000;

/** The number of simultaneous requests of a smaller crowd, all of which have a slot. */
const GROUP = 64;

/** The number of blocks, in each of which every contender is measured. Browsers take milliseconds for a request, so they get fewer. */
const BLOCKS = globalThis.document ? 3 : 10;

/** The number of blocks of short modes, in which a single slow request changes the result more. */
const SHORT_BLOCKS = 40;

const answer = new Response(null, { status: 204 });
const inPlace = async () => answer;
const read = async (sent) => (await sent).text();

const sequential = (send) => async (url, times) => {
  for (let n = 0; n < times; n++) await send(url);
};

const inCrowds = (size) => (send) => async (url, times) => {
  for (let n = 0; n < times; n += size) await Promise.all(Array.from({ length: size }, () => send(url)));
};
const together = inCrowds(CROWD);

/** Returns the fetch of a client with these options. */
const ours = (settings) => {
  const client = new Client(settings);
  return (url) => client.fetch(url);
};

/** Options that most users set. */
const LIMITS = { timeout: 30_000, retry: 3 };

/** Calls `send` while the in-place fetch is the platform's fetch. */
const overInPlace = (send) => async (url) => {
  const { fetch } = globalThis;
  globalThis.fetch = inPlace;
  const sent = send(url);
  globalThis.fetch = fetch;
  return sent;
};

/** Returns the fetch of two clients over the in-place fetch: without limits and with limits. */
const oursInPlace = (settings) => ({
  waterspout: ours({ ...settings, fetch: inPlace }),
  "with limits": ours({ ...settings, ...LIMITS, fetch: inPlace }),
});

/** Returns a fetch behind a queue of p-queue. */
const queued = (concurrency, fetch) => {
  const queue = new PQueue({ concurrency });
  return (url) => queue.add(() => fetch(url));
};

const reading = (send) => (url) => read(send(url));
const plain = reading((url) => fetch(url));
const kys = (url) => ky(url, { retry: 0, timeout: false });

/** The modes and their contenders. The first contender is the reference. Without `url`, the requests go to the lab. */
const modes = {
  "in place, in sequence": { way: sequential, times: 2_000, url: "http://in-place.test/", contenders: { "p-queue": queued(10, inPlace), fetch: inPlace, ...oursInPlace({}), "platform's": overInPlace(ours({})) } },
  "in place, 1,000 together": { way: together, times: 2_000, url: "http://in-place.test/", contenders: { fetch: inPlace, ...oursInPlace({ maxActive: CROWD }) } },
  "in place, 1,000 together, 6 at once": {
    way: together,
    times: 2_000,
    url: "http://in-place.test/",
    contenders: { "p-queue": queued(6, inPlace), fetch: inPlace, ...oursInPlace({ maxActive: 6 }) },
  },
  "in sequence": { way: sequential, times: 25, turns: SHORT_BLOCKS, contenders: { fetch: plain, waterspout: reading(ours({})) } },
  "64 together": {
    way: inCrowds(GROUP),
    times: 10 * GROUP,
    contenders: { fetch: plain, waterspout: reading(ours({ maxActive: GROUP })), "with limits": reading(ours({ ...LIMITS, maxActive: GROUP })), "p-queue": queued(GROUP, plain) },
  },
  "1,000 together": { way: together, times: CROWD, contenders: { fetch: plain, waterspout: reading(ours({ maxActive: CROWD })) } },
  ...Object.fromEntries(
    [6, 64].map((maxActive) => [
      `1,000 together, ${maxActive} at once`,
      {
        way: together,
        times: CROWD,
        contenders: { fetch: plain, waterspout: reading(ours({ maxActive })), "with limits": reading(ours({ ...LIMITS, maxActive })), "p-queue": queued(maxActive, plain), "ky + p-queue": queued(maxActive, reading(kys)) },
      },
    ]),
  ),
};

export const modeNames = Object.keys(modes);

/**
 * Returns the time in milliseconds, and where the engine reports it, the processor time of this process. Other processes on the machine
 * do not change the processor time.
 */
function clocks() {
  const used = globalThis.process?.cpuUsage?.();
  return { time: performance.now(), ...(used && { work: (used.user + used.system) / 1000 }) };
}

/** Returns the milliseconds of each block of a mode, by clock and contender. A block measures each contender twice, in opposite orders. */
export async function measure(name, lab) {
  const { way, times, turns = BLOCKS, url = `${lab}/lab/hello`, contenders } = modes[name];
  const names = Object.keys(contenders);
  const empty = () => Object.fromEntries(names.map((contender) => [contender, []]));
  const blocks = Object.fromEntries(Object.keys(clocks()).map((clock) => [clock, empty()]));
  for (let block = -1; block < turns; block++) {
    // Each block starts with another contender.
    const first = (block + names.length) % names.length;
    const order = [...names.slice(first), ...names.slice(0, first)];
    const sums = Object.fromEntries(Object.keys(blocks).map((clock) => [clock, {}]));
    for (const contender of [...order, ...[...order].reverse()]) {
      const before = clocks();
      await way(contenders[contender])(url, times);
      for (const [clock, now] of Object.entries(clocks())) sums[clock][contender] = (sums[clock][contender] ?? 0) + now - before[clock];
    }
    // The first block warms up.
    if (block >= 0) for (const clock in sums) for (const contender of names) blocks[clock][contender].push(sums[clock][contender]);
  }
  return { times: 2 * times, blocks };
}
