/** What is measured: the platform's fetch, ours, and what users put around it by hand. This module runs in Node and in a page alike. */
import ky from "ky";
import PQueue from "p-queue";
import { Client } from "../dist/index.js";

/** How many requests are under way together in the parallel modes. */
const CROWD = 1_000;

/** How often each contender has its turn. */
const BLOCKS = 12;

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
  "in place, one after the other": { way: sequential, times: 2_000, url: "http://in-place.test/", contenders: { fetch: inPlace, waterspout: ours({ fetch: inPlace }) } },
  "in place, 1,000 together": { way: together, times: 2_000, url: "http://in-place.test/", contenders: { fetch: inPlace, waterspout: ours({ fetch: inPlace, maxActive: CROWD }) } },
  "in place, 1,000 together, 6 at once": {
    way: together,
    times: 2_000,
    url: "http://in-place.test/",
    contenders: { fetch: inPlace, waterspout: ours({ fetch: inPlace, maxActive: 6 }), "p-queue": queued(6, inPlace) },
  },
  "one after the other": { way: sequential, times: 150, contenders: { fetch: plain, waterspout: reading(ours({})) } },
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

/** The milliseconds of each block of a mode, by contender: each has its turn, and again in the opposite order. */
export async function measure(name, lab) {
  const { way, times, url = `${lab}/lab/hello`, contenders } = modes[name];
  const names = Object.keys(contenders);
  const blocks = Object.fromEntries(names.map((contender) => [contender, []]));
  for (let block = -1; block < BLOCKS; block++) {
    const sums = Object.fromEntries(names.map((contender) => [contender, 0]));
    // Who is first in a block differs from block to block.
    const order = [...names.slice((block + names.length) % names.length), ...names.slice(0, (block + names.length) % names.length)];
    for (const contender of [...order, ...order.toReversed()]) {
      const started = performance.now();
      await way(contenders[contender])(url, times);
      sums[contender] += performance.now() - started;
    }
    // The first block warms up.
    if (block >= 0) for (const contender of names) blocks[contender].push(sums[contender]);
  }
  return { times: 2 * times, blocks };
}
