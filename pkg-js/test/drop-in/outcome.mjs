/** Records everything that a program can see of a call of fetch. */

/** The largest number of microtasks of a promise that needs no network. */
const TURNS = 30;

/** Describes an error without its message: messages differ between engines. */
export function described(error, reason) {
  if (error === reason && reason !== undefined) return "the very reason";
  if (typeof error !== "object" || error === null) return `the value ${String(error)}`;
  return `${Object.prototype.toString.call(error)} ${error.constructor?.name} ${error.name}`;
}

/** Describes a response with its body, without the header `date`. */
export async function seen(response, reason) {
  const { status, statusText, ok, type, url, redirected, bodyUsed } = response;
  const headers = [...response.headers].filter(([name]) => name !== "date");
  const hasBody = response.body !== null;
  const text = await response.text().catch((error) => described(error, reason));
  return { status, statusText, ok, type, url, redirected, bodyUsed, headers, hasBody, text, after: response.bodyUsed };
}

/** Returns the number of microtasks after which a promise is settled, or undefined if it takes too many. */
export async function turnsOf(promise) {
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
 * Makes a call and describes it.
 *
 * `reason` is the value that the call may reject with. `more` is called right after the call and at its end. `late` is for calls that the
 * engine refuses after the client has passed them on: the client's rejection then comes some turns later.
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
  // The turns of a rejection are compared. A response needs the network, so its turns vary.
  return { isPromise, ...(result.rejected && !late && { turns }), atOnce, ...result, atTheEnd: more() };
}
