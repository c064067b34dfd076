/** What is measured: the platform's fetch, ours, and what users put around it by hand. This module runs in Node and in a page alike. */
import ky from "ky";
import PQueue from "p-queue";
import { Client } from "../dist/index.js";

/** How many requests are under way together in the parallel modes. */
const CROWD = 1_000;

/** How often each contender has its turn, and in short modes, in which one slow request tells more. Browsers take milliseconds a request. */
const [BLOCKS, SHORT_BLOCKS] = [globalThis.document ? 3 : 10, 40];

const answer = new Response(null, { status: 204 });
const inPlace = async () => answer;
const read = async (sent) => (await sent).text();

const sequential = (send) => async (url, times) => {
  for (let n = 0; n < times; n++) await send(url);
};

const together = (send) => async (url, times) => {
  for (let n = 0; n < times; n += CROWD) await Promise.all(Array.from({ length: CROWD }, () => send(url)));
};

/** `client.fetch` with settings. */
const ours = (settings) => {
  const client = new Client(settings);
  return (url) => client.fetch(url);
};

/** The same over the in-place fetch: as the platform's own, which may be given the very arguments, and as one of the user's, which is given a Request. */
const oursInPlace = (settings) => {
  const { fetch } = globalThis;
  globalThis.fetch = inPlace;
  try {
    return { waterspout: ours(settings), "with a fetch": ours({ ...settings, fetch: inPlace }) };
  } finally {
    globalThis.fetch = fetch;
  }
};

/** `fetch` behind a queue, as one writes it. */
const queued = (concurrency, fetch) => {
  const queue = new PQueue({ concurrency });
  return (url) => queue.add(() => fetch(url));
};

const reading = (send) => (url) => read(send(url));
const plain = reading((url) => fetch(url));
const kys = (url) => ky(url, { retry: 0, timeout: false });

/** Contenders by mode; the first is what the others are measured by. `url` stands for the lab if it is missing. */
const modes = {
  "in place, one after the other": { way: sequential, times: 2_000, url: "http://in-place.test/", contenders: { fetch: inPlace, ...oursInPlace({}) } },
  "in place, 1,000 together": { way: together, times: 2_000, url: "http://in-place.test/", contenders: { fetch: inPlace, ...oursInPlace({ maxActive: CROWD }) } },
  "in place, 1,000 together, 6 at once": {
    way: together,
    times: 2_000,
    url: "http://in-place.test/",
    contenders: { fetch: inPlace, ...oursInPlace({ maxActive: 6 }), "p-queue": queued(6, inPlace) },
  },
  "one after the other": { way: sequential, times: 25, turns: SHORT_BLOCKS, contenders: { fetch: plain, waterspout: reading(ours({})) } },
  "1,000 together": { way: together, times: CROWD, contenders: { fetch: plain, waterspout: reading(ours({ maxActive: CROWD })) } },
  ...Object.fromEntries(
    [6, 64].map((most) => [
      `1,000 together, ${most} at once`,
      {
        way: together,
        times: CROWD,
        contenders: { fetch: plain, waterspout: reading(ours({ maxActive: most })), "p-queue": queued(most, plain), "ky + p-queue": queued(most, reading(kys)) },
      },
    ]),
  ),
};

export const modeNames = Object.keys(modes);

/** The milliseconds that have passed, and those that this program's processors have worked, where that is told: what others do on the machine does not count there. */
function clocks() {
  const used = globalThis.process?.cpuUsage?.();
  return { time: performance.now(), ...(used && { work: (used.user + used.system) / 1000 }) };
}

/** The milliseconds of each block of a mode, by clock and contender: each has its turn, and again in the opposite order. */
export async function measure(name, lab) {
  const { way, times, turns = BLOCKS, url = `${lab}/lab/hello`, contenders } = modes[name];
  const names = Object.keys(contenders);
  const empty = () => Object.fromEntries(names.map((contender) => [contender, []]));
  const blocks = Object.fromEntries(Object.keys(clocks()).map((clock) => [clock, empty()]));
  for (let block = -1; block < turns; block++) {
    // Who is first in a block differs from block to block.
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
