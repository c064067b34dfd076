/** What a program can see of a call of fetch. */

/** How many microtasks a promise that needs no network may take. */
const TURNS = 30;

/** What an error is. Its words are the engine's own affair. */
export function described(error, reason) {
  if (error === reason && reason !== undefined) return "the very reason";
  if (typeof error !== "object" || error === null) return `the value ${String(error)}`;
  return `${Object.prototype.toString.call(error)} ${error.constructor?.name} ${error.name}`;
}

/** What a response is, body and all; what the server says of the time is left out. */
export async function seen(response, reason) {
  const { status, statusText, ok, type, url, redirected, bodyUsed } = response;
  const headers = [...response.headers].filter(([name]) => name !== "date");
  const hasBody = response.body !== null;
  const text = await response.text().catch((error) => described(error, reason));
  return { status, statusText, ok, type, url, redirected, bodyUsed, headers, hasBody, text, after: response.bodyUsed };
}

/** Whether a promise is settled, and after how many microtasks. */
async function turnsOf(promise) {
  let settled = false;
  const note = () => void (settled = true);
  promise.then(note, note);
  let turns = 0;
  while (!settled && turns < TURNS) {
    await null;
    turns++;
  }
  return settled ? turns : undefined;
}

/**
 * All that a call shows. `reason` is what it may be rejected with; `more` is asked as soon as it has been made, and when it is over.
 * `late` is for what the engine itself refuses when it has been given it: the client hears of it, and hands it on, some turns later.
 */
export async function outcome(fetch, call, { reason, more = () => undefined, late = false } = {}) {
  let promise;
  try {
    promise = fetch(...call);
  } catch (error) {
    return { threw: described(error, reason) };
  }
  const atOnce = more();
  const turns = await turnsOf(promise);
  const isPromise = promise instanceof Promise && Object.getPrototypeOf(promise) === Promise.prototype;
  const result = await promise.then((response) => seen(response, reason), (error) => ({ rejected: described(error, reason) }));
  // A rejection has its place among the microtasks; an answer, which needs the network, has none.
  return { isPromise, ...(result.rejected && !late && { turns }), atOnce, ...result, atTheEnd: more() };
}
