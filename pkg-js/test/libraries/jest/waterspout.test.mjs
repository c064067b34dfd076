/** The user's tests in Jest. */
import { afterEach, expect, jest, test } from "@jest/globals";
import { userTests } from "../mocks/user-tests.mjs";

const before = globalThis.fetch;
afterEach(() => (globalThis.fetch = before));

userTests({
  test,
  expect,
  fn: jest.fn,
  stub: (name, value) => (globalThis[name] = value),
  useFakeTimers: ({ withoutPerformance } = {}) => jest.useFakeTimers(withoutPerformance ? { doNotFake: ["performance"] } : {}),
  useRealTimers: () => jest.useRealTimers(),
  advance: (milliseconds) => jest.advanceTimersByTimeAsync(milliseconds),
});
