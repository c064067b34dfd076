/** Reads the body of a response to its end. */
import { statusProblem } from "./problem.js";

/**
 * Stores the status and the byte count in the tracked request, and returns the outcome.
 *
 * @param {import("./tracked-request.js").TrackedRequest} request
 * @param {Response} response
 * @param {(bytes: number) => void} onBytes receives the size of each chunk
 * @returns {Promise<import("./tracked-request.js").Result>}
 */
export async function readBody(request, response, onBytes) {
  request.status = response.status;
  const reader = response.body?.getReader();
  for (let chunk = await reader?.read(); chunk?.value; chunk = await reader?.read()) {
    request.bytes += chunk.value.length;
    onBytes(chunk.value.length);
  }
  return response.ok ? { outcome: "done" } : { outcome: "failed", problem: statusProblem(response, request.url) };
}
