/** Assertions and small helpers that all scenarios share. */
import { isWaterspoutError, WaterspoutError } from "waterspout";

export function assert(condition, message) {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

export function equal(found, expected, what = "value") {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  assert(left === right, `${what} is ${left}, not ${right}`);
}

export async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("assertion failed: it should have been rejected");
}

/** Returns the numbers of running and waiting requests. */
export function counts(client) {
  const { active, queued } = client.stats();
  return { active, queued };
}

export async function rejectsWith(promise, code) {
  const error = await rejection(promise);
  assert(error instanceof WaterspoutError && isWaterspoutError(error, code), `${code}, not ${error}`);
  return error;
}

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export async function timesOut(promise, words) {
  const error = await rejection(promise);
  assert(error instanceof DOMException, String(error));
  equal(error.name, "TimeoutError", "the error");
  assert(error.message.includes(words), error.message);
}
