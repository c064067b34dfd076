/** The list of checks: each is a function that throws if its fact is false. Counts them and prints a line for each. */
import { setTimeout as delay } from "node:timers/promises";

/** The longest time of a check, in milliseconds. */
const LIMIT = 20_000;

/** The number of lines that a failed check prints of each error. */
const LINES = 25;

/** The time between two looks at a condition, in milliseconds. */
const LOOK = 2;

export const totals = { passed: 0, failed: 0 };

/** Records an outcome and prints its line. */
export function report(fact, error) {
  error === undefined ? (totals.passed += 1) : (totals.failed += 1);
  console.log(error === undefined ? `ok     ${fact}` : `FAILED ${fact}\n${describe(error)}\n`);
}

/** Runs a check within the time limit. */
export async function check(fact, holds) {
  const controller = new AbortController();
  const late = delay(LIMIT, undefined, { signal: controller.signal }).then(() => {
    throw new Error(`the check took more than ${LIMIT} ms`);
  });
  late.catch(() => undefined);
  try {
    await Promise.race([holds(), late]);
    report(fact);
  } catch (error) {
    report(fact, error ?? new Error("the check threw undefined"));
  } finally {
    controller.abort();
  }
}

/** Waits until `condition` is true. The error names the condition. */
export async function until(name, condition, limit = LIMIT / 2) {
  const end = performance.now() + limit;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`after ${limit} ms it is still false that ${name}`);
    await delay(LOOK);
  }
}

/**
 * Waits for the event that a test needs next. Rejects if `call` rejects before, so that a failed call ends its test at
 * once.
 */
export async function beforeEnd(event, call) {
  event.catch(() => undefined);
  const failure = new Promise((_, reject) => call.catch(reject));
  return Promise.race([event, failure]);
}

/** Returns the error of a promise, which must reject. */
export async function rejection(promise) {
  const value = await promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  );
  if ("value" in value) throw new Error(`the call was answered with ${JSON.stringify(value.value)}; it must be rejected`);
  return value.error;
}

/** Returns the text of an error with its causes. */
function describe(error) {
  const causes = [];
  for (let next = error; next && causes.length < 4; next = next.cause) causes.push(String(next.stack ?? next).split("\n").slice(0, LINES).join("\n"));
  return causes.join("\ncaused by ");
}
