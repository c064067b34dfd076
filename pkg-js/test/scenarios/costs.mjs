/** What a request makes: controllers, timers, the prototype of its response, and turns between the platform's answer and the client's. */
import { Client } from "waterspout";
import { equal, NOWHERE, withGlobalFetch } from "./support.mjs";
import { turn, whileReplaced } from "./stubs.mjs";

const REQUESTS = 100;

/** The number of requests for which a controller that is shared serves. */
const SHARED = 50;

/** A limit in milliseconds that does not pass. */
const LONG = 60_000;

/** The options of clients, and the controllers and timers that a request of each makes. Without limits, requests share controllers. */
const expected = {
  "no options": [{}, 1 / SHARED, 0],
  "a retry": [{ retry: 3 }, 1 / SHARED, 0],
  "a priority and an origin": [{ priority: 1, maxActivePerOrigin: REQUESTS }, 1 / SHARED, 0],
  "limits and a retry": [{ timeout: LONG, retry: 3 }, 1, 1],
  "all limits": [{ timeout: { queue: LONG, head: LONG, request: LONG, total: LONG } }, 1, 1],
};

/** Calls `work` with the functions of the two ways in which a client with `options` sends over `transport`. */
async function overBoth(options, transport, work) {
  await work(new Client({ maxActive: REQUESTS, ...options, fetch: transport }).fetch, "the option `fetch`");
  await withGlobalFetch(transport, () => work(new Client({ maxActive: REQUESTS, ...options }).fetch, "the platform's fetch"));
}

/** Returns the numbers of controllers and timers that `work` makes. */
async function made(work) {
  const { AbortController: Original, setTimeout } = globalThis;
  const count = { controllers: 0, timers: 0 };
  class AbortController extends Original {
    constructor() {
      super();
      count.controllers++;
    }
  }
  const counted = (...call) => (count.timers++, setTimeout(...call));
  await whileReplaced(globalThis, { AbortController, setTimeout: counted }, work);
  return [count.controllers, count.timers];
}

export const costs = {
  async requests_make_few_controllers_and_timers() {
    for (const [name, [options, controllers, timers]] of Object.entries(expected)) {
      await overBoth(options, async () => new Response("hello"), async (fetch, way) => {
        const found = await made(async () => {
          const send = async () => (await fetch(NOWHERE)).text();
          await Promise.all(Array.from({ length: REQUESTS }, send));
        });
        equal(found, [controllers * REQUESTS, timers * REQUESTS], `[controllers, timers] of ${name} over ${way}`);
      });
    }
  },
  async a_request_adds_two_turns_to_the_platforms_answer() {
    const answer = Promise.resolve(new Response("hello"));
    for (const [name, [options]] of Object.entries(expected)) {
      // An attempt with the limit `head` has a promise of its own.
      if (options.timeout?.head) continue;
      await overBoth(options, () => answer, async (fetch, way) => {
        let turns = 0;
        let isSettled = false;
        void fetch(NOWHERE).then(() => (isSettled = true));
        for (; !isSettled && turns < 50; turns++) await null;
        equal(turns, 2, `turns with ${name} over ${way}`);
      });
    }
  },
  async watched_responses_share_a_prototype() {
    const prototypes = new Set();
    const names = (response) => Object.getOwnPropertyNames(response);
    await overBoth({ timeout: LONG }, async () => new Response("hello"), async (fetch, way) => {
      for (let n = 0; n < 2; n++) {
        const response = await fetch(NOWHERE);
        for (const watched of [response, response.clone()]) {
          const prototype = Object.getPrototypeOf(watched);
          prototypes.add(prototype);
          equal([names(watched), Object.getPrototypeOf(prototype) === Response.prototype, watched.constructor === Response], [names(new Response("hello")), true, true], way);
          equal([await watched.text(), watched.bodyUsed], ["hello", true], way);
        }
      }
    });
    await turn();
    equal(prototypes.size, 1, "prototypes");
  },
  async watched_responses_have_the_prototype_of_the_present_class() {
    const { Response: Platforms } = globalThis;
    class Response extends Platforms {}
    const read = async () => {
      const answer = new globalThis.Response("hello");
      const response = await new Client({ timeout: LONG, fetch: async () => answer }).fetch(NOWHERE);
      return [response === answer, response instanceof globalThis.Response, response.constructor === globalThis.Response, await response.text()];
    };
    const expected = [true, true, true, "hello"];
    equal(await read(), expected, "the platform's class");
    await whileReplaced(globalThis, { Response }, async () => equal(await read(), expected, "a class in its place"));
    equal(await read(), expected, "the platform's class again");
    await turn();
  },
};
