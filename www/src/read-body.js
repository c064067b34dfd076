/** Reading a response to its end, for whom it was fetched. */
import { badStatus } from "./problem.js";

/**
 * @param {import("./tracked-request.js").Life} life
 * @param {Response} response
 * @param {(bytes: number) => void} onBytes told of each piece
 * @returns {Promise<[end: import("./tracked-request.js").End, problem?: import("./tracked-request.js").Problem]>}
 */
export async function readToEnd(life, response, onBytes) {
  life.status = response.status;
  const reader = response.body?.getReader();
  for (let piece = await reader?.read(); piece?.value; piece = await reader?.read()) {
    life.bytes += piece.value.length;
    onBytes(piece.value.length);
  }
  return response.ok ? ["done"] : ["failed", badStatus(response, life.url)];
}
