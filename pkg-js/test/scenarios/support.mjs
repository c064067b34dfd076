/** What the scenarios use: assertions, the lab's URLs, and stand-ins for the platform's fetch. */
import { Client, isWaterspoutError, WaterspoutError } from "waterspout";

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

/** Returns a client with short waits before retries. */
export const trying = (options = {}) => new Client({ retry: { attempts: 3, baseDelay: 5, ...options } });

export const byte = (index) => index % 251;
export const generated = (length) => Uint8Array.from({ length }, (_, index) => byte(index));
export const counted = (length) => `${length} ${generated(length).reduce((sum, next) => sum + next, 0)}`;
export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The URLs of the lab, with a key that no other run of the scenario has: other engines may run at the same time. */
export class Lab {
  constructor(base, platform, scenario) {
    this.base = base.replace(/\/$/, "");
    this.key = `${platform}-${scenario}-${Math.random().toString(36).slice(2)}`;
  }
  url(experiment) {
    return `${this.base}/lab/${experiment}`;
  }
  keyed(experiment, query = "") {
    return `${this.base}/lab/${experiment}/${this.key}${query}`;
  }
  async recall(experiment, query = "") {
    return (await fetch(this.keyed(experiment, query))).text();
  }
}

export async function bodyIs(lab, experiment, length) {
  const bytes = new Uint8Array(await (await new Client().fetch(lab.url(experiment))).arrayBuffer());
  equal(bytes.length, length, "the body's length");
  assert(bytes.every((found, index) => found === byte(index)), "the body's bytes");
}

export async function networkFailure(lab, experiment) {
  const error = await rejection(new Client().fetch(lab.url(experiment)).then((response) => response.text()));
  // The platform's own error: a TypeError. Its message differs between engines.
  equal(error.name, "TypeError", "the error");
}

export async function timesOut(promise, words) {
  const error = await rejection(promise);
  assert(error instanceof DOMException, String(error));
  equal(error.name, "TimeoutError", "the error");
  assert(error.message.includes(words), error.message);
}

/** A URL without a server: requests to it end in a stand-in for the platform's fetch. */
export const NOWHERE = "http://a.test/";

/** Returns a function for the option `fetch` that answers in place of the platform. It keeps each Request in `sent`. */
export function transport(answer = () => new Response("hello")) {
  const sent = [];
  const fetch = async (...call) => {
    const request = new Request(...call);
    sent.push(request);
    return answer(request, sent.length);
  };
  return Object.assign(fetch, { sent });
}

/** Returns a promise with its functions. */
export function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

/** Waits until everything has run that needs neither time nor network. */
export async function turns() {
  for (let turn = 0; turn < 5; turn++) await sleep(0);
}

/** Returns whether a promise is pending after some turns. */
export async function isPending(promise) {
  let pending = true;
  const end = () => void (pending = false);
  promise.then(end, end);
  await turns();
  return pending;
}

/** Returns the error that a function throws, or that its promise rejects with. */
export const failure = (call) => rejection((async () => call())());

/** Calls `work` while `stub` is the platform's fetch. */
export async function withGlobalFetch(stub, work) {
  const own = globalThis.fetch;
  globalThis.fetch = stub;
  try {
    return await work();
  } finally {
    globalThis.fetch = own;
  }
}

/**
 * Returns a Response whose body ends or fails when the scenario says so. Like a body of the platform, it fails when `signal` is aborted.
 */
export function openResponse({ signal, ...init } = {}) {
  const opened = { cancelled: false };
  const start = (controller) => {
    opened.fail = (error) => controller.error(error);
    opened.send = (text) => controller.enqueue(new TextEncoder().encode(text));
    opened.end = (text) => {
      if (text) opened.send(text);
      controller.close();
    };
    signal?.addEventListener("abort", () => controller.error(signal.reason));
  };
  opened.response = new Response(new ReadableStream({ start, cancel: () => void (opened.cancelled = true) }), init);
  return opened;
}
