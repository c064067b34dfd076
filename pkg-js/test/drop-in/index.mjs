/**
 * Compares the client's fetch with the engine's fetch: each call of the table is made with both, and everything that a program can see of
 * the call is compared. The behaviour of the present engine is the expected result, so the table contains only the calls.
 *
 * Runs in Node and in a page, so it uses only features of both.
 */
import { Client } from "waterspout";
import { bodies } from "./bodies.mjs";
import { init } from "./init.mjs";
import { shape } from "./shape.mjs";
import { signals } from "./signals.mjs";

const table = { ...shape, ...init, ...bodies, ...signals };

const heard = ["a listener of before", "a listener of after", "aborted", "a microtask of before", "rejected", "a microtask of after"];

/** The behaviour of the standard where an engine differs from it. The client may behave like the engine or like the standard. */
const standard = {
  // Node's fetch is an ordinary function.
  it_is_no_constructor: ["threw TypeError", false, false],
  // Chromium does not cancel the stream.
  aborted_before_cancels_a_stream_at_once: { isPromise: true, turns: 1, atOnce: ["the very reason"], rejected: "the very reason", atTheEnd: ["the very reason"] },
  // Node rejects with an error of its own.
  aborted_before_the_body_is_read: { text: "the very reason", used: false, turns: 0 },
  // Node rejects a turn later.
  aborted_before_is_heard_in_its_turn: ["before", "rejected", "after"],
  aborted_in_the_turn_of_the_call_is_heard_in_its_turn: heard,
  aborted_in_a_later_turn_is_heard_in_its_turn: heard,
  aborted_while_the_server_is_silent_is_heard_in_its_turn: heard,
};

/** The own properties of a Response with a time limit: they report the end of its body. Not every engine has all of these. */
const watched = ["arrayBuffer", "blob", "bytes", "formData", "json", "text", "body", "clone"].filter((name) => name in Response.prototype);

/** What a program can see of a time limit. */
const limited = { an_answer_is_of_the_engines_class: [true, watched, "[object Response]", true, true] };

/** Returns a value as JSON without its turns, and the turns. */
function apart(value) {
  const turns = [];
  const rest = JSON.stringify(value, (name, part) => {
    if (name === "turns") turns.push(part ?? Infinity);
    return name === "turns" ? undefined : part;
  });
  return [rest, turns];
}

/**
 * Returns the difference between two results, if they differ. A rejection may come sooner than the engine's, since some of Node's come a turn
 * late, but never later.
 */
function difference(engines, clients, other) {
  const [[left, theirTurns], [right, ourTurns]] = [apart(engines), apart(clients)];
  const isSame = (left === right || (other && right === apart(other)[0])) && ourTurns.every((turns, at) => turns <= theirTurns[at]);
  return isSame ? undefined : `the engine's: ${left} ${theirTurns}\nthe client's: ${right} ${ourTurns}`;
}

/** The options of the clients. With a time limit, the Request is built from other arguments. */
const clients = { "": {}, ", with a time limit": { timeout: 60_000 } };

/** Makes every call with both functions. A result has an error if the client's fetch behaves otherwise. */
export async function run(base) {
  const url = (experiment) => `${base.replace(/\/$/, "")}/lab/${experiment}`;
  const engines = globalThis.fetch;
  // Node loads its fetch at the first use, which takes turns.
  await engines(url("hello")).then((response) => response.text());
  const results = [];
  for (const [name, make] of Object.entries(table)) {
    const expected = await bounded(() => make(engines, url));
    for (const [variant, options] of Object.entries(clients)) {
      const found = await bounded(() => make(new Client(options).fetch, url));
      const error = found?.failed ?? expected?.failed ?? difference(expected, found, variant ? (limited[name] ?? standard[name]) : standard[name]);
      results.push({ name: name + variant, ...(error && { error }) });
    }
  }
  return results;
}

/** Returns the result of `work`, or `failed` with the error. */
async function bounded(work) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("took over 20 s")), 20_000)));
  try {
    return await Promise.race([work(), late]);
  } catch (error) {
    return { failed: String(error?.stack ?? error) };
  } finally {
    clearTimeout(timer);
  }
}
