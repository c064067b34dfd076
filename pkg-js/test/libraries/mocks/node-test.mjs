/** The timers of `node:test`, which leave the real `performance.now` in place. The user's tests run in this process. */
import assert from "node:assert/strict";
import { mock } from "node:test";
import { check } from "../checks.mjs";
import { userTests } from "./user-tests.mjs";

/** The step of the mocked clock, in milliseconds. A larger step would pass the time of timers that are not set yet. */
const STEP = 50;

const fetch = globalThis.fetch;
const turn = () => new Promise((resolve) => setImmediate(resolve));

export async function nodeTest() {
  const tests = [];
  userTests({
    test: (title, body) => tests.push([title, body]),
    expect: (value) => ({
      toBe: (expected) => assert.equal(value, expected),
      toEqual: (expected) => assert.deepEqual(value, expected),
      toHaveBeenCalledTimes: (expected) => assert.equal(value.mock.callCount(), expected),
    }),
    fn: (body) => mock.fn(body),
    stub: (name, value) => (globalThis[name] = value),
    useFakeTimers: () => mock.timers.enable({ apis: ["setTimeout"] }),
    useRealTimers: () => mock.timers.reset(),
    async advance(milliseconds) {
      await turn();
      for (let at = 0; at < milliseconds; at += STEP) {
        mock.timers.tick(STEP);
        await turn();
      }
    },
  });
  // Both kinds of fake timers of the user's tests are the same here.
  for (const [title, body] of tests.filter(([title]) => !title.startsWith("with fake timers,"))) {
    await check(`node:test: ${title}`, body);
    globalThis.fetch = fetch;
  }
}
