/** Describes failed requests: a title and a sentence. */
import { isWaterspoutError } from "waterspout";

/**
 * @typedef {import("./tracked-request.js").TrackedRequest} TrackedRequest
 * @typedef {import("./tracked-request.js").Problem} Problem
 * @typedef {import("./tracked-request.js").Result} Result
 */

/** Titles for errors of neither the client nor the page, by the phase in which they occur. */
const titles = { queued: "Not sent", active: "No response", waiting: "No response", streaming: "Body incomplete" };
/** A failed fetch reports the same error for an unreachable server and for a response without CORS permission. */
const unreadable = "Either the server does not answer, or this page may not read the response (CORS).";
const hints = { queued: "", active: unreadable, waiting: unreadable, streaming: "" };

/**
 * Returns the result of a request that an error ended.
 *
 * @param {unknown} error
 * @param {TrackedRequest} request its state before the error
 * @returns {Result}
 */
export function resultOfError(error, request) {
  const phase = request.spans.at(-1)?.phase ?? "queued";
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (name === "TimeoutError") return { outcome: "timed-out", problem: { title: "Timeout", text: sentence(message) } };
  if (request.signal.aborted) return { outcome: "aborted" };
  if (isWaterspoutError(error)) return { outcome: "failed", problem: { title: error.code, text: sentence(message) } };
  const text = [sentence(message), hints[phase]].join(" ").trim();
  return { outcome: "failed", problem: { title: titles[phase], text } };
}

/**
 * Describes a response with an error status.
 *
 * @param {Response} response
 * @param {string} url
 * @returns {Problem}
 */
export function statusProblem({ status, statusText }, url) {
  const title = `${status} ${statusText || "error status"}`;
  if (status === 404 && url.startsWith("/lab/slow?")) {
    return { title, text: "No demo server runs here: start the example `serve` of the crate, or choose “Simulated”." };
  }
  return { title, text: "The response is complete, but its status reports a failure." };
}

/** @param {string} message */
function sentence(message) {
  const text = message.trim() || "no message";
  return text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
