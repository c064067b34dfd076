/** Sends requests with hostile objects beside requests of another client, which must not notice. */
import { Client, isWaterspoutError } from "waterspout";
import { describe, holding, quiet, turn, watchErrors, within } from "./stubs.mjs";

export const URL_A = "http://127.0.0.1:1/a";

/** The time in milliseconds after which a failing table is left. */
const ENOUGH = 8_000;

/** The number of failures that a report of a table has. */
const MOST_FAILURES = 12;

/** The error that hostile objects throw. */
export class Hostile extends Error {
  name = "Hostile";
}

export const isHostile = (error) => Object.getPrototypeOf(Object(error)) === Hostile.prototype;

export function throwHostile(what = "a hostile call") {
  throw new Hostile(what);
}

/** Makes a member of `object` throw after it was read `reads` times. Returns the object. */
export function trapped(object, member, reads = 0) {
  let value;
  try {
    value = object[member];
  } catch {
    // A member that cannot be read is replaced as well.
  }
  const given = typeof value === "function" ? value.bind(object) : value;
  let left = reads;
  const get = () => (left-- > 0 ? given : throwHostile(`${String(member)} after ${reads} reads`));
  return Object.defineProperty(object, member, { configurable: true, enumerable: true, get });
}

const TRAPS = ["get", "set", "has", "deleteProperty", "ownKeys", "getOwnPropertyDescriptor", "defineProperty", "getPrototypeOf", "setPrototypeOf", "isExtensible", "preventExtensions", "apply", "construct"];

/** Returns a proxy in which every operation throws, or only the operations `traps`. */
export function hostileProxy(target = {}, traps = TRAPS) {
  return new Proxy(target, Object.fromEntries(traps.map((trap) => [trap, () => throwHostile(`the trap ${trap}`)])));
}

export function revokedProxy(target = {}) {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

/** Values that harm a program that looks at them: makers, because some work only once. */
export const hostileValues = {
  "a proxy that throws": () => hostileProxy(),
  "a proxy of a function that throws": () => hostileProxy(() => undefined),
  "a revoked proxy": () => revokedProxy(),
  "an object without a prototype": () => Object.create(null),
  "an object whose conversion throws": () => ({ toString: throwHostile, valueOf: throwHostile, [Symbol.toPrimitive]: throwHostile }),
  "an object whose name throws": () => trapped(new Error("x"), "name"),
  "an object whose constructor throws": () => trapped({}, "constructor"),
  "a symbol": () => Symbol("hostile"),
  "a big integer": () => 1n,
  "a frozen error": () => Object.freeze(new TypeError("frozen")),
};

/** Thenables that harm a program that waits for them; each of them settles. */
export const hostileThenables = {
  "a thenable whose then cannot be read": () => trapped({ then: 1 }, "then"),
  "a thenable whose then throws": () => ({ then: throwHostile }),
  "a thenable that rejects": () => ({ then: (_, reject) => reject(new Hostile("then")) }),
  "a thenable that settles twice": () => ({
    then(resolve, reject) {
      resolve(undefined);
      reject(new Hostile("then"));
      throwHostile();
    },
  }),
  "a promise whose then throws": () => Object.assign(Promise.resolve(), { then: throwHostile }),
};

/** All time limits, which no test reaches. */
export const LIMITS = { queue: 60_000, head: 60_000, idle: 60_000, request: 60_000, total: 60_000 };

/** Options of a client, each of which looks at requests and responses in a way of its own. */
export const clientOptions = {
  nothing: {},
  limits: { timeout: LIMITS },
  retry: { retry: { attempts: 2, baseDelay: 0 } },
  "a predicate": { retry: { attempts: 2, baseDelay: 0, when: () => true } },
  hooks: { hooks: { beforeRequest: () => undefined, afterResponse: () => undefined, beforeRetry: () => undefined, onError: () => undefined } },
  "status errors": { throwHttpErrors: true },
  progress: { onDownloadProgress: () => undefined, onUploadProgress: () => undefined },
  "a limit of the origin": { maxActivePerOrigin: 1 },
  everything: {
    timeout: LIMITS,
    retry: { attempts: 2, baseDelay: 0 },
    hooks: { beforeRequest: () => undefined, onError: () => undefined },
    throwHttpErrors: true,
    onDownloadProgress: () => undefined,
    maxActivePerOrigin: 1,
  },
};

/** Returns the options of a shortcut with a slot until the head. A hostile value stays as it is. */
const withHeadSlot = (init) => (init === undefined ? { slot: "head" } : init);

/** Ways to send a request and to read its response, if there is a body that can be read. */
export const sendings = {
  fetch: (client, ...call) => client.fetch(...call),
  // A response that is not read would keep its slot for a second.
  get: (client, url, init) => client.get(url, withHeadSlot(init)),
  "get and text": (client, url, init) => client.get(url, init).text(),
};

/** Returns the failures of cases that run at the same time beside a client with a running and a waiting request. */
async function failuresOf(cases) {
  const watch = watchErrors();
  watch.current = Object.keys(cases).length === 1 ? "" : "several cases";
  const failures = [];
  const transport = holding();
  const other = new Client({ maxActive: 1, timeout: 60_000, retry: 2, fetch: transport.fetch });
  const bystanders = [1, 2].map(() => quiet(other.get(URL_A).text()));
  const run = async ([name, { options, send, check }]) => {
    const client = new Client({ maxActive: 1, ...options });
    // With a single slot, the second request waits for it.
    const requests = [1, 2].map(async () => send(client));
    for (const request of requests) quiet(request);
    const outcomes = await within(Promise.allSettled(requests), "its request");
    for (const { reason } of outcomes) if (isInternal(reason)) failures.push(`${name}: rejected with INTERNAL`);
    for (const outcome of outcomes) {
      const problem = check?.(outcome);
      if (problem) failures.push(`${name}: ${problem}, but it is ${outcome.status} ${describe(outcome.reason ?? outcome.value)}`);
    }
    // A body that the case did not read may hold its slot.
    client.close({ now: true });
    await turn();
    const { active, queued } = client.stats();
    if (active + queued > 0) failures.push(`${name}: ${active} active and ${queued} queued requests remain`);
  };
  const guarded = (entry) => run(entry).catch((error) => void failures.push(`${entry[0]}: ${describe(error?.message ?? error)}`));
  await Promise.all(Object.entries(cases).map(guarded));
  for (const bystander of bystanders) {
    await turn();
    transport.held.shift()?.release();
    await within(bystander, "a request of another client").catch((error) => failures.push(`a request of another client: ${describe(error?.message ?? error)}`));
  }
  failures.push(...(await watch.stop()).map((error) => `unhandled: ${error}`));
  return failures;
}

function isInternal(reason) {
  try {
    return isWaterspoutError(reason, "INTERNAL");
  } catch {
    return false;
  }
}

/** Returns the failures of the cases, each with the name of its case: halves that fail are divided again. */
async function locate(entries, deadline) {
  const failures = await failuresOf(Object.fromEntries(entries));
  if (failures.length === 0 || Date.now() > deadline) return failures;
  if (entries.length === 1) return failures.map((failure) => (failure.startsWith(entries[0][0]) ? failure : `${entries[0][0]}: ${failure}`));
  const half = entries.length >> 1;
  const first = await locate(entries.slice(0, half), deadline);
  const found = first.length < MOST_FAILURES ? [...first, ...(await locate(entries.slice(half), deadline))] : first;
  return found.length > 0 ? found : failures;
}

/**
 * Runs cases `{ options, send, check }`: `send(client)` sends a request through a client with these options. `check(outcome)` returns
 * a text if the outcome is not as it must be.
 *
 * Rejects if a request does not settle, if a slot stays taken, if another client's request fails, or if an error is unhandled. All
 * cases run at the same time; if that fails, smaller groups run again, to name the cases that fail.
 */
export async function survive(cases) {
  const failures = await locate(Object.entries(cases), Date.now() + ENOUGH);
  if (failures.length > 0) throw new Error(failures.slice(0, MOST_FAILURES).join("\n"));
}

/** Checks of outcomes for `survive`. */
export const mustBeHostile = ({ status, reason }) => (status === "rejected" && isHostile(reason) ? undefined : "it must reject with the error of the hostile object");
export const mustAnswer = ({ status }) => (status === "fulfilled" ? undefined : "it must be answered");
export const mustReject = ({ status }) => (status === "rejected" ? undefined : "it must reject");

/** Returns all pairs of two tables as a table: `make(first, second)` makes each case. */
export function pairs(first, second, make) {
  const entries = Object.entries(first).flatMap(([a, x]) => Object.entries(second).map(([b, y]) => [`${a}, ${b}`, make(x, y, a, b)]));
  return Object.fromEntries(entries);
}
