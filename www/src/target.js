/** The target of the requests: their URLs, and the fetch function that sends them. */
import { simulatedFetch } from "./simulated-fetch.js";

/**
 * @typedef {import("./settings.js").Settings} Settings
 * @typedef {import("./request-spec.js").RequestSpec} RequestSpec
 * @typedef {{ fetch?: typeof fetch }} FetchOption client options that replace the platform's fetch; empty to keep it
 * @typedef {{ address: string, options: FetchOption }} EventsSource
 */

/** A random key of this page load. It keeps the counts that the demo server stores apart from the counts of other pages. */
const pageKey = Math.random().toString(36).slice(2);

/**
 * Returns the URL of a request. The fragment is the number of the request: it identifies the request in the client's
 * events, and no server receives it.
 *
 * @param {Settings} settings
 * @param {RequestSpec} spec
 * @param {number} number
 * @param {string} run a key for the server's counts: two runs of the same batch must not share their counts
 * @returns {string}
 */
export function requestUrl(settings, spec, number, run) {
  const url =
    settings.target === "url" ? settings.url.replaceAll("{n}", String(number)) : labUrl(settings, spec, number, run);
  return `${url.replace(/#.*/s, "")}#${number}`;
}

/** @param {string} url a URL from `requestUrl` */
export function requestNumber(url) {
  return Number(url.slice(url.lastIndexOf("#") + 1));
}

/**
 * Returns where the events come from: the demo server, or its simulation for each other target.
 *
 * @param {Settings} settings
 * @returns {EventsSource}
 */
export function eventsSource({ target, lab }) {
  if (target === "lab") return { address: lab.replace(/slow$/, "events"), options: {} };
  return { address: "/lab/events", options: { fetch: simulatedFetch } };
}

/**
 * Returns the client options for the fetch function of the target.
 *
 * @param {Settings} settings
 * @returns {FetchOption}
 */
export function fetchOption({ target }) {
  return target === "simulated" ? { fetch: simulatedFetch } : {};
}

/**
 * Returns the URL of a request to the demo server.
 *
 * @param {Settings} settings
 * @param {RequestSpec} spec
 * @param {number} number
 * @param {string} run
 */
function labUrl(settings, { head, gap, failures, usesSecondOrigin }, number, run) {
  const { chunks, size, capacity, target, lab } = settings;
  const query = new URLSearchParams({ head: String(head), chunks: String(chunks), size: String(size * 1024), gap: String(gap) });
  if (failures > 0) {
    query.set("fail", String(failures));
    query.set("key", `${pageKey}-${run}-${number}`);
  }
  if (capacity > 0) {
    query.set("capacity", String(capacity));
    query.set("group", `${pageKey}-${run}`);
  }
  const path = target === "lab" ? lab : "/lab/slow";
  return `${usesSecondOrigin ? onSecondOrigin(path, target) : path}?${query}`;
}

/**
 * Returns the URL of a path on a second origin. On a loopback host, the other name of the host is another origin of the
 * same server. Any other host has no second name, so its origin stays.
 *
 * @param {string} path
 * @param {Settings["target"]} target
 */
function onSecondOrigin(path, target) {
  if (target === "simulated") return `https://second.example${path}`;
  const url = new URL(path, location.href);
  if (url.hostname === "127.0.0.1") url.hostname = "localhost";
  else if (url.hostname === "localhost") url.hostname = "127.0.0.1";
  return url.href;
}
