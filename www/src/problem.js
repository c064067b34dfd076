/** What went wrong, in words: a title and a sentence. */
import { isWaterspoutError } from "waterspout";

/**
 * @typedef {import("./tracked-request.js").Life} Life
 * @typedef {import("./tracked-request.js").End} End
 * @typedef {import("./tracked-request.js").Problem} Problem
 */

/**
 * The end that an error brings to a request.
 *
 * @param {unknown} error
 * @param {Life} life as it was when the error came
 * @returns {[end: End, problem?: Problem]}
 */
export function whatEnded(error, life) {
  const phase = life.spans.at(-1)?.phase ?? "queued";
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (name === "TimeoutError") return ["timed-out", { title: "Time limit", text: sentence(message) }];
  if (life.signal.aborted) return ["aborted"];
  if (isWaterspoutError(error)) return ["failed", { title: error.code, text: sentence(message) }];
  return ["failed", { title: titles[phase], text: [sentence(message), hints[phase]].join(" ").trim() }];
}

/** What an error means that neither the client nor the page has made, by when it came. */
const titles = { queued: "Not sent", active: "No response", waiting: "No response", streaming: "Body broke off" };
const unread = "Either nobody answers there, or the answer may not be read by this page (CORS).";
const hints = { queued: "", active: unread, waiting: unread, streaming: "" };

/**
 * @param {Response} response
 * @param {string} url
 * @returns {Problem}
 */
export function badStatus({ status, statusText }, url) {
  const title = `${status} ${statusText || "error status"}`;
  if (status === 404 && url.startsWith("/lab/slow?")) {
    return { title, text: "There is no demo server here: run the example `serve` of the crate, or choose “Simulated”." };
  }
  return { title, text: "The response came whole; its status says that the request failed." };
}

/** @param {string} message */
function sentence(message) {
  const text = message.trim() || "no message";
  return text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
