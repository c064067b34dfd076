/**
 * Fuzzes the conversion of options into the settings of the core: `node test/options.mjs [COUNT] [FIRST_SEED]`.
 *
 * Each seed makes options of right and wrong values. The client must accept exactly what a naive reading of the documentation accepts,
 * with errors of its own, and its queue must start exactly as many requests as the options say. The last line counts the checks.
 */
import { isDeepStrictEqual } from "node:util";
import { Client, isWaterspoutError } from "../dist/index.js";

const count = Number(process.argv[2] ?? 5_000);
const firstSeed = Number(process.argv[3] ?? 1);

/** The requests that a client gets at once. */
const REQUESTS = 12;
const DEFAULT_MAX_ACTIVE = 10;
const MAX_COUNT = 0xffff_fffe;
const MAX_TIME = 1e12;
/** A rate with a shorter time may start further requests while the test runs. */
const LONG = 1_000_000;

/** What the getter of an option throws. */
const OWN_ERROR = new Error("thrown by a getter");

/** Returns pseudorandom numbers below their argument, the same for each seed (mulberry32). */
function generator(seed) {
  let state = seed;
  return (end) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  };
}

const nothing = () => {};
const isCount = (least) => (value) => Number.isInteger(value) && value >= least && value <= MAX_COUNT;
const isTime = (value, least = 0, most = MAX_TIME) => typeof value === "number" && value >= least && value <= most;
const isFunction = (value) => typeof value === "function";
const isNone = (value) => value === false || value === Infinity;
const isObject = (value) => typeof value === "object" && value !== null;
const items = (value) => (Array.isArray(value) ? value : [value]);

/** Returns whether `value` is an object whose members are undefined or pass the test of their name. */
function hasMembers(value, tests) {
  return isObject(value) && Object.entries(value).every(([name, member]) => member === undefined || tests[name]?.(member) === true);
}

function isRate(value) {
  if (value === false) return true;
  const any = () => true;
  if (!hasMembers(value, { requests: any, per: any, burst: any })) return false;
  const { requests, per, burst = requests } = value;
  if (requests === Infinity) return true;
  return isCount(1)(requests) && isTime(per, requests / 1e6) && isCount(1)(burst);
}

const isLimit = (value) => isNone(value) || (typeof value === "number" && value >= 0);
const isAttempts = (value) => value === Infinity || isCount(0)(value);
const LIMITS = { queue: isLimit, head: isLimit, idle: isLimit, request: isLimit, total: isLimit };
const RETRY = {
  attempts: isAttempts,
  methods: (value) => Array.isArray(value) && value.every((item) => typeof item === "string"),
  statusCodes: (value) => Array.isArray(value) && value.every((item) => typeof item === "number"),
  baseDelay: (value) => isTime(value),
  maxDelay: (value) => isNone(value) || isTime(value),
  when: isFunction,
};
const entriesOf = (value) => (Symbol.iterator in value ? [...value] : Object.entries(value));
const arePairs = (value) => isObject(value) && entriesOf(value).every((pair) => Array.isArray(pair) && pair.length === 2);
const isQueryValue = (value) => value == null || ["string", "number", "boolean", "bigint"].includes(typeof value);

/** Returns whether the platform takes the pairs as headers. A value that is undefined removes a header. */
function areHeaders(pairs) {
  try {
    for (const [name, value] of pairs) new Headers([[name, value === undefined ? "" : value]]);
    return true;
  } catch (error) {
    if (error === OWN_ERROR) throw error;
    return false;
  }
}

const areHooks = (value) => items(value).every(isFunction);
const HOOKS = { beforeRequest: areHooks, beforeRetry: areHooks, afterResponse: areHooks, onError: areHooks };

/** What the documentation accepts, by option. */
const ACCEPTED = {
  maxActive: (value) => isNone(value) || isCount(1)(value),
  maxActivePerOrigin: (value) => isNone(value) || isCount(1)(value),
  maxQueued: (value) => isNone(value) || isCount(0)(value),
  rateLimit: isRate,
  rateLimitPerOrigin: isRate,
  priority: (value) => Number.isInteger(value) && value >= -32_768 && value <= 32_767,
  throwHttpErrors: (value) => typeof value === "boolean",
  slot: (value) => value === "head" || value === "body",
  timeout: (value) => value === false || isLimit(value) || hasMembers(value, LIMITS),
  retry: (value) => value === false || isAttempts(value) || hasMembers(value, RETRY),
  hooks: (value) => hasMembers(value, HOOKS),
  onDownloadProgress: isFunction,
  onUploadProgress: isFunction,
  fetch: isFunction,
  fallback: isFunction,
  headers: (value) => arePairs(value) && areHeaders(entriesOf(value)),
  searchParams: (value) =>
    value === null || typeof value === "string" || (arePairs(value) && entriesOf(value).every(([, item]) => [item].flat().every(isQueryValue))),
  baseUrl: (value) => typeof value === "string" || value instanceof URL,
};

/** Values of every type, and the numbers around each limit. */
const ANY = [
  undefined, null, true, false, 0, -0, 1, -1, 2, 5, 0.5, NaN, Infinity, -Infinity, 32_767, 32_768, -32_768, -32_769, 1e6,
  2 ** 31, MAX_COUNT, 2 ** 32 - 1, 2 ** 32, MAX_TIME, 1e13, "", "head", "body", "1", 1n, Symbol("s"), nothing, class {}, [], [[]], {},
  Object.create(null), new Map([[1, 2]]), new Date(0), new URL("http://b.test/dir/"), [nothing, nothing], ["GET", "post"], [500, 503],
  { unknown: 1 }, { get queue() { throw OWN_ERROR; } }, { toString() { throw OWN_ERROR; } },
];

/** Makes a value of an option that is often right. */
const LIKELY = {
  maxActive: (pick) => pick([1, 2, 3, 11, 12, 13, false, MAX_COUNT, MAX_COUNT + 1]),
  maxActivePerOrigin: (pick) => pick([1, 2, 5, 20, false, MAX_COUNT, MAX_COUNT + 1]),
  maxQueued: (pick) => pick([0, 1, 2, 5, 20, false, MAX_COUNT, MAX_COUNT + 1]),
  rateLimit: (pick) => ({ requests: pick([1, 2, 7, 1_000, Infinity]), per: pick([LONG, LONG, 0.01, 0]), burst: pick([undefined, 1, 3, 2.5]) }),
  rateLimitPerOrigin: (pick) => LIKELY.rateLimit(pick),
  priority: (pick) => pick([-5, 0, 7, -32_768, -32_769, 32_767, 32_768]),
  throwHttpErrors: (pick) => pick([true, false]),
  slot: (pick) => pick(["head", "body"]),
  timeout: (pick) => pick([LONG, { [pick(Object.keys(LIMITS))]: pick(ANY), total: LONG }]),
  retry: (pick) => pick([2, { [pick(Object.keys(RETRY))]: pick(ANY), attempts: 4 }]),
  hooks: (pick) => ({ [pick(Object.keys(HOOKS))]: pick(ANY), onError: [nothing] }),
  onDownloadProgress: () => nothing,
  onUploadProgress: () => nothing,
  fetch: () => nothing,
  fallback: () => nothing,
  headers: (pick) =>
    pick([
      { accept: "a/b", "x-a": pick(ANY) },
      [["x-a", "1"], ["X-A", "2"], [pick(ANY), "3"]],
      new Headers({ "x-a": "1" }),
      { [pick(["x-a", "bad name", "", "é"])]: pick(["1", "two\nlines", undefined, "é", "\u2026", " b "]) },
      [["x-a"]],
    ]),
  searchParams: (pick) =>
    pick(["a=1&b", "?a=%20#c", { a: pick(ANY), b: [1, pick(ANY)] }, [["a", 1], ["a", pick(ANY)], [pick(["é", "&", ""]), "="]], new URLSearchParams("a=1&a=2"), [["a"]]]),
  baseUrl: (pick) => pick(["http://b.test/dir/", new URL("http://b.test/")]),
};

const NAMES = Object.keys(ACCEPTED);
const ofQueue = (name) => /^max|^rate/.test(name);
const ofClient = (name) => ofQueue(name) || ["fetch", "fallback", "headers", "searchParams", "baseUrl"].includes(name);
/** The header that a removed header is compared with. */
const FIRST_HEADERS = { "x-a": "first", "x-b": "first" };
const FIRST_PAIRS = [["a", "first"], ["z", "first"]];

function makeOptions(random) {
  const pick = (list) => list[random(list.length)];
  const options = {};
  for (let left = random(6); left > 0; left--) {
    const name = random(40) === 0 ? "maxactive" : pick(NAMES);
    options[name] = LIKELY[name] && random(4) > 0 ? LIKELY[name](pick) : pick(ANY);
  }
  return options;
}

/** Returns whether the documentation accepts the options. */
function isAccepted(options) {
  const accepts = ([name, value]) => value === undefined || ACCEPTED[name]?.(value) === true;
  try {
    return Object.entries(options).every(accepts);
  } catch (error) {
    if (error === OWN_ERROR) return false;
    throw error;
  }
}

/**
 * Checks the error of a call: a class of the language that names the option or is the platform's for a header, or an error of a getter.
 * Returns the error.
 */
function checkError(error, name) {
  const isOwn = error instanceof TypeError || error instanceof RangeError;
  const namesIt = new RegExp(`^(a member of )?${name}(\\.| is )|^Headers|symbol|ByteString|primitive value`, "i");
  check(error === OWN_ERROR || (isOwn && namesIt.test(error.message)), () => `the client throws ${error?.stack ?? String(error)}`);
  return error;
}

/** Returns the error of `make`, or undefined. */
function errorOf(make) {
  try {
    make();
  } catch (error) {
    return checkError(error, "options");
  }
  return undefined;
}

function check(condition, message) {
  if (!condition) throw new Error(message());
}

/** Returns how many requests a queue of these options starts at once, and how many wait. */
function expectedStart({ maxActive, maxActivePerOrigin, maxQueued, rateLimit, rateLimitPerOrigin }) {
  const most = (limit, missing = Infinity) => (limit === undefined ? missing : limit === false ? Infinity : limit);
  const burst = (rate) => (rate ? (rate.requests === Infinity ? Infinity : (rate.burst ?? rate.requests)) : Infinity);
  const limits = [most(maxActive, DEFAULT_MAX_ACTIVE), most(maxActivePerOrigin), burst(rateLimit), burst(rateLimitPerOrigin)];
  const active = Math.min(REQUESTS, ...limits);
  // The sum turns -0 into 0.
  return { active, queued: Math.min(REQUESTS - active, most(maxQueued)) + 0 };
}

/** Returns the headers and the query of a request, if a client has `given` over the first headers and pairs. */
function expectedRequest({ headers, searchParams }) {
  const merged = new Headers(FIRST_HEADERS);
  const given = entriesOf(headers ?? {});
  for (const [name] of given) merged.delete(name);
  for (const [name, value] of given) if (value !== undefined) merged.append(name, value);
  const pairs = typeof searchParams === "string" ? [...new URLSearchParams(searchParams)] : entriesOf(searchParams ?? []);
  const items = pairs.flatMap(([name, value]) => [value].flat().flatMap((item) => (item == null ? [] : [[String(name), String(item)]])));
  const names = items.map(([name]) => name);
  const query = new URLSearchParams([...items, ...FIRST_PAIRS.filter(([name]) => !names.includes(name))]);
  return { headers: [...merged], query: [...query] };
}

/** Sends a request through a client with the options, and compares its headers and its query with the options. */
async function checkMerge(options) {
  const { headers, searchParams } = options;
  const sent = [];
  const parent = new Client({
    headers: FIRST_HEADERS,
    searchParams: FIRST_PAIRS,
    fetch: async (input, init) => {
      sent.push(new Request(input, init));
      return new Response();
    },
  });
  await parent.extend({ headers, searchParams }).fetch("http://a.test/");
  const found = { headers: [...sent[0].headers], query: [...new URL(sent[0].url).searchParams] };
  const expected = expectedRequest(options);
  check(isDeepStrictEqual(found, expected), () => `sent ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`);
}

/** Sends a request with the options of a request, which must be accepted as those of a client are. */
async function checkRequest(options) {
  const ofRequest = Object.fromEntries(Object.entries(options).filter(([name]) => !ofClient(name)));
  const client = new Client({ fetch: async () => new Response() });
  const answered = client.fetch("http://a.test/", { waterspout: ofRequest });
  // The options are checked within the call. A request whose hook throws may wait years for another attempt.
  const closed = client.close({ now: true });
  const outcome = await answered.then(
    () => undefined,
    // The client is closed, and a class is a function, but cannot be called as a hook.
    (error) => (isWaterspoutError(error) || /^Class constructor/.test(error?.message) ? undefined : checkError(error, "waterspout")),
  );
  await closed;
  check((outcome === undefined) === isAccepted(ofRequest), () => `the request ${outcome ? `throws ${String(outcome)}` : "accepts the options"}`);
}

/** Sends requests that are never answered, and compares the numbers of running and waiting requests with the options. */
async function checkQueue(options) {
  const never = (_, { signal } = {}) => new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
  const client = new Client({ ...options, fetch: never });
  const requests = Array.from({ length: REQUESTS }, (_, number) =>
    client.fetch("http://a.test/", number % 2 ? { waterspout: { priority: number } } : undefined),
  );
  const { active, queued } = client.stats();
  const rates = [options.rateLimit, options.rateLimitPerOrigin].filter(Boolean);
  const isSteady = rates.every(({ requests, per }) => requests === Infinity || per / requests >= LONG / 1_000);
  const expected = expectedStart(options);
  const found = { active, queued };
  if (isSteady) check(isDeepStrictEqual(found, expected), () => `started ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`);
  await client.close({ now: true });
  const outcomes = await Promise.allSettled(requests);
  for (const { reason } of outcomes) check(isWaterspoutError(reason), () => `a request fails with ${String(reason)}`);
  const full = outcomes.filter(({ reason }) => reason.code === "QUEUE_FULL").length;
  if (isSteady) check(full === REQUESTS - expected.active - expected.queued, () => `${full} requests find the queue full`);
  check(client.stats().active + client.stats().queued === 0, () => "a closed client has requests");
}

async function checkSeed(seed) {
  const options = makeOptions(generator(seed));
  const before = { ...options };
  const error = errorOf(() => new Client(options));
  check((error === undefined) === isAccepted(options), () => `the client ${error ? `throws ${String(error)}` : "accepts the options"}`);
  // The same options have the same result, and the caller's object stays as it was.
  check(errorOf(() => new Client(options))?.message === error?.message, () => "the second client differs");
  check(isDeepStrictEqual(Object.entries(options), Object.entries(before)), () => "the options have changed");
  // A derived client accepts the same values, but none of the queue.
  const derived = Object.fromEntries(Object.entries(options).filter(([name]) => !ofQueue(name)));
  const parent = new Client();
  check((errorOf(() => parent.extend(derived)) === undefined) === isAccepted(derived), () => "extend differs from the constructor");
  await checkRequest(options);
  if (!error) await checkMerge(options);
  const isTimed = options.timeout !== undefined && options.timeout !== LONG;
  // Without a usable base no request is sent, and a short limit may pass.
  if (error || isTimed || options.baseUrl === "" || /^(head|body|1)$/.test(options.baseUrl)) return error !== undefined;
  await checkQueue(options);
  return false;
}

let passed = 0;
let failed = 0;
let refused = 0;
for (let seed = firstSeed; seed < firstSeed + count; seed++) {
  try {
    refused += Number(await checkSeed(seed));
    passed++;
  } catch (error) {
    failed++;
    console.log(`FAILED seed ${seed}: ${error.message}`);
    console.log(makeOptions(generator(seed)));
  }
}
// Options that are nearly all right or all wrong would test little.
if (count >= 1_000 && Math.min(refused, count - refused) < count / 10) {
  failed++;
  console.log(`FAILED ${refused} of ${count} options are refused`);
}
console.log(`options: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
