/** The user's tests in Vitest. */
import { afterEach, expect, test, vi } from "vitest";
import { userTests } from "../mocks/user-tests.mjs";

afterEach(() => vi.unstubAllGlobals());

userTests({
  test,
  expect,
  fn: vi.fn,
  stub: vi.stubGlobal,
  useFakeTimers: ({ withoutPerformance } = {}) => vi.useFakeTimers(withoutPerformance ? { toNotFake: ["performance", "nextTick", "queueMicrotask"] } : {}),
  useRealTimers: () => vi.useRealTimers(),
  advance: (milliseconds) => vi.advanceTimersByTimeAsync(milliseconds),
});
