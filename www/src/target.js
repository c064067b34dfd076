/** Where the requests go, and by what. */
import { simulate } from "./simulated-fetch.js";

/**
 * @typedef {import("./settings.js").Settings} Settings
 * @typedef {import("./request-spec.js").Plan} Plan
 */

/** What the demo server remembers is kept apart by this: another page's counts are its own. */
const page = Math.random().toString(36).slice(2);

/**
 * The URL of a request. Its fragment is the request's number, by which the page knows it again when the client tells of it;
 * no server ever sees that.
 *
 * @param {Settings} settings
 * @param {Plan} plan
 * @param {number} number
 * @param {string} run what the server's memory is told of: two runs of the same plan must not meet there
 * @returns {string}
 */
export function urlOf(settings, plan, number, run) {
  const url = settings.target === "url" ? settings.url.replaceAll("{n}", String(number)) : labUrl(settings, plan, number, run);
  return `${url.replace(/#.*/s, "")}#${number}`;
}

/** @param {string} url as `urlOf` made it */
export function numberIn(url) {
  return Number(url.slice(url.lastIndexOf("#") + 1));
}

/**
 * Where events come from: the demo server, or what stands for it.
 *
 * @param {Settings} settings
 * @returns {{ address: string, sender: { fetch?: typeof fetch } }}
 */
export function eventsOf({ target, lab }) {
  if (target === "lab") return { address: lab.replace(/slow$/, "events"), sender: {} };
  return { address: "/lab/events", sender: { fetch: simulate } };
}

/**
 * What makes the requests; nothing if the platform does.
 *
 * @param {Settings} settings
 * @returns {{ fetch?: typeof fetch }}
 */
export function senderOf({ target }) {
  return target === "simulated" ? { fetch: simulate } : {};
}

/**
 * @param {Settings} settings
 * @param {Plan} plan
 * @param {number} number
 * @param {string} run
 */
function labUrl(settings, { head, gap, fails, isElsewhere }, number, run) {
  const { chunks, size, capacity, target, lab } = settings;
  const query = new URLSearchParams({ head: String(head), chunks: String(chunks), size: String(size * 1024), gap: String(gap) });
  if (fails > 0) {
    query.set("fail", String(fails));
    query.set("key", `${page}-${run}-${number}`);
  }
  if (capacity > 0) {
    query.set("capacity", String(capacity));
    query.set("group", `${page}-${run}`);
  }
  const path = target === "lab" ? lab : "/lab/slow";
  return `${isElsewhere ? elsewhere(path, target) : path}?${query}`;
}

/**
 * The same machine by its other name is another origin. Any other host has but one.
 *
 * @param {string} path
 * @param {Settings["target"]} target
 */
function elsewhere(path, target) {
  if (target === "simulated") return `https://second.example${path}`;
  const url = new URL(path, location.href);
  if (url.hostname === "127.0.0.1") url.hostname = "localhost";
  else if (url.hostname === "localhost") url.hostname = "127.0.0.1";
  return url.href;
}
