/** Limits, waits and rates come under every clock: faked timers, clocks that jump, stand still or are coarse. */
import { Client } from "waterspout";
import { assert, equal, rejection, sleep, timesOut } from "./support.mjs";
import { each, realNow, silent, stalled, turn, whileReplaced, withFakes, within } from "./stubs.mjs";

const URL_A = "http://127.0.0.1:1/a";
const MINUTE = 60_000;
const HOUR = 3_600_000;

/** The step of the faked time in milliseconds. The real time of all steps together is far below it. */
const STEP = 3_000;

/** The time until which a limit of a minute must have passed: the package may set its timer again for a short rest. */
const LATEST = MINUTE + 4 * STEP;

/**
 * Begins all `waits` at once and ticks until they have settled, at most until `most`.
 *
 * Rejects with the names of the waits that failed, that were early, or that were late.
 */
async function tickThrough(begun, timers, earliest, most) {
  const [open, failures] = [new Set(), []];
  for (const [name, begin] of Object.entries(begun)) {
    open.add(name);
    const settle = (error) => {
      const passed = timers.time;
      open.delete(name);
      if (error) failures.push(`${name}: ${error.message}`);
      else if (passed < earliest) failures.push(`${name} came early, after ${passed} ms`);
    };
    begin().then(() => settle(), settle);
  }
  for (;;) {
    for (let turns = 0; turns < 2; turns++) await turn();
    if (open.size === 0 || timers.time >= most) break;
    timers.tick(STEP);
  }
  equal([[...open], failures], [[], []], `[waits that did not end within ${most} ms, failures]`);
}

/** Returns a transport that answers 503 and asks for a delay in milliseconds, and then answers 200. */
function busyOnce(delay) {
  let calls = 0;
  const headers = delay < 1_000 ? { "retry-after-ms": delay } : { "retry-after": delay / 1_000 };
  return async () => (calls++ ? new Response("hello") : new Response(null, { status: 503, headers }));
}

/** Returns a client with a slot that is taken by a request without limits. */
function occupied(options) {
  const client = new Client({ maxActive: 1, fetch: silent, ...options });
  client.fetch(URL_A, { waterspout: { timeout: { queue: 0, head: 0, request: 0, total: 0 } } }).catch(() => undefined);
  return client;
}

/** Reads a body that stops after its first piece. Chromium's `text()` has an error of its own for a stream that fails, so a reader reads. */
async function read(options) {
  const reader = (await new Client({ fetch: stalled, ...options }).fetch(URL_A)).body.getReader();
  while (!(await reader.read()).done);
}

const answered = async () => new Response("hello");
const after = (client, count) => Promise.all(Array.from({ length: count }, () => client.fetch(URL_A)));

/** Everything that comes with the time: functions that begin the wait of `limit` milliseconds and reject unless it ends as it must. */
const waits = {
  queue: (limit) => timesOut(occupied({ timeout: { queue: limit } }).fetch(URL_A), "limit `queue`"),
  head: (limit) => timesOut(new Client({ fetch: silent, timeout: { head: limit } }).fetch(URL_A), "limit `head`"),
  request: (limit) => timesOut(new Client({ fetch: silent, timeout: limit }).fetch(URL_A), "limit `request`"),
  total: (limit) => timesOut(new Client({ fetch: silent, timeout: { total: limit } }).fetch(URL_A), "limit `total`"),
  "total in the queue": (limit) => timesOut(occupied({ timeout: { total: limit } }).fetch(URL_A), "limit `total`"),
  "request in the body": (limit) => timesOut(read({ timeout: limit }), "limit `request`"),
  "total in the body": (limit) => timesOut(read({ timeout: { total: limit } }), "limit `total`"),
  idle: (limit) => timesOut(read({ timeout: { idle: limit } }), "limit `idle`"),
  "idle beside the others": (limit) => timesOut(read({ timeout: { idle: limit, head: 90 * limit, request: 90 * limit, total: 90 * limit } }), "limit `idle`"),
  "the wait before another attempt": async (limit) => {
    const client = new Client({ fetch: busyOnce(limit), retry: { maxDelay: HOUR } });
    equal((await client.fetch(URL_A)).status, 200);
  },
  "a rate": (limit) => after(new Client({ fetch: answered, rateLimit: { requests: 1, per: limit } }), 2),
  "a rate of the origin": (limit) => after(new Client({ fetch: answered, rateLimitPerOrigin: { requests: 1, per: limit } }), 2),
  "a rate, twice": (limit) => after(new Client({ fetch: answered, rateLimit: { requests: 1, per: limit / 2 } }), 3),
};

const { performance } = globalThis;
/** Readings of the clock beside faked timers, as functions of the real time at the start and of the faked time since then. */
const clocks = {
  "the real clock": () => realNow(),
  "a clock that is faked too": (start, time) => start + time,
  "a clock that stands still": (start) => start,
  "a clock that jumps back an hour": (start, time) => start + time - (time >= MINUTE / 2 ? HOUR : 0),
  "a clock that is an hour behind from the start": (start, time) => start + time - (time > 0 ? HOUR : 0),
  "a clock that jumps back again and again": (start, time) => start - time,
  "a coarse clock": (start, time) => Math.floor((start + time) / 50) * 50,
  "a clock that is slow": (start, time) => start + time / 10,
  "a clock that jumps forward an hour": (start, time) => start + time + (time >= MINUTE / 2 ? HOUR : 0),
};

/** Readings of the clock beside real timers, as functions of the real time since the start. */
const realClocks = {
  "a clock that stands still": (start) => start,
  "a clock that jumps back an hour": (start, passed) => start + passed - (passed >= 10 ? HOUR : 0),
  "a clock that jumps forward an hour": (start, passed) => start + passed + (passed >= 10 ? HOUR : 0),
  "a coarse clock": (start, passed) => Math.floor((start + passed) / 50) * 50,
};

/** Returns the mocked timers of Node's test runner, or undefined in other engines. */
async function nodeTimers() {
  const { process } = globalThis;
  if (process?.release?.name !== "node" || globalThis.Deno || globalThis.Bun || !process.getBuiltinModule) return undefined;
  return process.getBuiltinModule("node:test").mock.timers;
}

/** Returns functions that begin the waits with the same limit. */
const beginning = (limit) => Object.fromEntries(Object.entries(waits).map(([name, begin]) => [name, () => begin(limit)]));

/** Begins all waits at once with real timers. Rejects unless each of them ends, and not before its time. */
async function waitThrough(limit, earliest) {
  const before = realNow();
  const begin = async ([name, wait]) => {
    await within(wait(limit), name, 2_500);
    const passed = realNow() - before;
    // The clock of workerd moves only with events from outside.
    assert(passed === 0 || passed >= earliest, `${name} came early, after ${passed} ms`);
  };
  const outcomes = await Promise.allSettled(Object.entries(waits).map(begin));
  equal(outcomes.filter(({ status }) => status === "rejected").map(({ reason }) => reason.message), []);
}

/** A limit of real time in milliseconds. */
const SHORT = 40;

/** The least real time of such a limit: timers fire up to 2 ms early, and clocks are coarse. */
const SHORTEST = SHORT - 5;

export const clock = {
  async limits_waits_and_rates_come_under_faked_timers() {
    await each(clocks, async (reading, name) => {
      // After a jump forward the time has really passed.
      const earliest = name === "a clock that jumps forward an hour" ? 0 : MINUTE;
      await withFakes(reading, (timers) => tickThrough(beginning(MINUTE), timers, earliest, LATEST));
    });
  },
  async limits_waits_and_rates_come_under_a_clock_that_misbehaves() {
    await each(realClocks, async (reading) => {
      const start = realNow();
      await whileReplaced(performance, { now: () => reading(start, realNow() - start) }, () => waitThrough(SHORT, 0));
    });
  },
  async a_rate_goes_on_after_the_clock_jumped_back() {
    let behind = 0;
    await whileReplaced(performance, { now: () => realNow() - behind }, async () => {
      const client = new Client({ fetch: answered, rateLimit: { requests: 2, per: 40 }, rateLimitPerOrigin: { requests: 2, per: 40 } });
      await after(client, 4);
      behind = HOUR;
      await within(after(client, 6), "six requests after a jump back", 2_500);
      behind = 2 * HOUR;
      await within(after(client, 6), "six requests after another jump", 2_500);
    });
  },
  async a_rate_holds_after_the_clock_jumped_back() {
    let ahead = HOUR;
    await whileReplaced(performance, { now: () => realNow() + ahead }, async () => {
      const client = new Client({ fetch: answered, rateLimit: { requests: 1, per: MINUTE } });
      await client.fetch(URL_A);
      ahead = 0;
      // The jump gives no more requests than the rate allows.
      const [first, second] = [1, 2].map(() => rejection(client.fetch(URL_A, { waterspout: { timeout: { queue: SHORT } } })));
      equal((await within(first, "the limit of the first")).name, "TimeoutError");
      equal((await within(second, "the limit of the second")).name, "TimeoutError");
    });
  },
  async a_limit_ends_at_its_time_soon_after_a_timer_that_was_early() {
    const round = () =>
      withFakes(clocks["a clock that is faked too"], async (timers) => {
        const limit = waits.head(SHORT);
        await turn();
        timers.tick(SHORT);
        await within(limit, "the limit", 1_000);
      });
    // The faked time of a round is ahead of the real time. In a gap of about `SHORT` the next round begins up to 2 ms before the faked end
    // of the round before it, as after a timer that fired early.
    for (let gap = SHORT - 6; gap < SHORT + 4; gap++) {
      await round();
      const end = realNow() + gap;
      // The clock of workerd stands still meanwhile.
      for (let spins = 0; realNow() < end && spins < 10_000_000; spins++);
      await round();
    }
  },
  async real_limits_hold_after_faked_time_has_passed() {
    await withFakes(clocks["the real clock"], async (timers) => {
      const limit = waits.request(HOUR);
      limit.catch(() => undefined);
      for (let steps = 0; steps < 10; steps++) {
        timers.tick(HOUR / 5);
        await turn();
      }
      await within(limit, "the limit of an hour");
    });
    await waitThrough(SHORT, SHORTEST);
  },
  async the_clock_goes_on_after_faked_time_has_passed() {
    await withFakes(clocks["the real clock"], async (timers) => {
      const limit = waits.request(HOUR);
      for (let time = 0; time < HOUR + MINUTE; time += MINUTE) timers.tick(MINUTE);
      await within(limit, "the limit of an hour");
    });
    const answers = [];
    const client = new Client({ maxActive: 1, fetch: () => sleep(SHORT).then(() => (answers.push(realNow()), answered())) });
    const requests = after(client, 2);
    const joined = realNow();
    await requests;
    const { longest } = client.stats().waits;
    // On a busy machine, the second request joins the queue late. The clock of workerd moves only with events from outside.
    const least = answers[0] - joined - (SHORT - SHORTEST);
    assert(longest >= least, `the second request waited ${longest} ms, of at least ${least} ms`);
  },
  async a_limit_that_has_not_passed_ends_nothing_under_faked_timers() {
    await each(clocks, async (reading, name) => {
      if (name === "a clock that jumps forward an hour") return;
      await withFakes(reading, async (timers) => {
        let answer;
        const fetch = () => new Promise((resolve) => (answer = () => resolve(new Response("hello"))));
        const client = new Client({ fetch, timeout: { head: MINUTE, request: MINUTE, total: MINUTE, idle: MINUTE } });
        const sent = client.fetch(URL_A).then((response) => response.text());
        for (let time = 0; time < MINUTE - 2 * STEP; time += STEP) {
          timers.tick(STEP);
          await turn();
        }
        answer();
        equal(await within(sent, "the request"), "hello");
      });
    });
  },
  async mocked_timers_of_nodes_test_runner_move_limits_waits_and_rates() {
    const timers = await nodeTimers();
    if (!timers) return;
    timers.enable({ apis: ["setTimeout"] });
    const mocked = { time: 0, tick: (milliseconds) => ((mocked.time += milliseconds), timers.tick(milliseconds)) };
    try {
      await tickThrough(beginning(MINUTE), mocked, MINUTE, LATEST);
    } finally {
      timers.reset();
    }
  },
  async timers_that_fire_early_pass_no_limit_early() {
    const { setTimeout } = globalThis;
    // Engines fire up to 2 ms before the time.
    const early = (act, delay, ...args) => setTimeout(act, Math.max(0, delay - 2), ...args);
    await whileReplaced(globalThis, { setTimeout: early }, () => waitThrough(SHORT, SHORTEST));
  },
};
