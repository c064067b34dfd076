/**
 * The same with the client's fetch as with the engine's: each call of the table is made with both, and everything that a program
 * can see of it is compared. What is expected is what this very engine does, so that the table says no more than the calls.
 * This module runs in Node and in a page alike, so it uses only what both have.
 */
import { Client } from "waterspout";
import { bodies } from "./bodies.mjs";
import { init } from "./init.mjs";
import { shape } from "./shape.mjs";
import { signals } from "./signals.mjs";

const table = { ...shape, ...init, ...bodies, ...signals };

const heard = ["a listener of before", "a listener of after", "aborted", "a microtask of before", "rejected", "a microtask of after"];

/** What the standard says where an engine does otherwise: the client may do either. */
const standard = {
  // Node's is a function like any other.
  it_is_no_constructor: ["threw TypeError", false, false],
  // Chromium lets the stream be.
  aborted_before_cancels_a_stream_at_once: { isPromise: true, turns: 1, atOnce: ["the very reason"], rejected: "the very reason", atTheEnd: ["the very reason"] },
  // Node rejects a turn late.
  aborted_before_is_heard_in_its_turn: ["before", "rejected", "after"],
  aborted_in_the_turn_of_the_call_is_heard_in_its_turn: heard,
  aborted_in_a_later_turn_is_heard_in_its_turn: heard,
  aborted_while_the_server_is_silent_is_heard_in_its_turn: heard,
};

/** A value without its turns, and these. */
function apart(value) {
  const turns = [];
  const rest = JSON.stringify(value, (name, part) => {
    if (name === "turns") turns.push(part ?? Infinity);
    return name === "turns" ? undefined : part;
  });
  return [rest, turns];
}

/** Where the two differ. A rejection may come sooner than the engine's, as some of Node's are a turn late; never later. */
function difference(engines, clients, other) {
  const [[left, theirTurns], [right, ourTurns]] = [apart(engines), apart(clients)];
  const isSame = (left === right || (other && right === apart(other)[0])) && ourTurns.every((turns, at) => turns <= theirTurns[at]);
  return isSame ? undefined : `the engine's: ${left} ${theirTurns}\nthe client's: ${right} ${ourTurns}`;
}

/** What may make a difference: with a time limit, the Request is made of other arguments. */
const clients = { "": {}, ", with a time limit": { timeout: 60_000 } };

/** Makes every call with either fetch; the result says where the client's is not as the engine's. */
export async function run(base) {
  const url = (experiment) => `${base.replace(/\/$/, "")}/lab/${experiment}`;
  const engines = globalThis.fetch;
  // What Node loads at its first use takes turns of its own.
  await engines(url("hello")).then((response) => response.text());
  const results = [];
  for (const [name, make] of Object.entries(table)) {
    const expected = await bounded(() => make(engines, url));
    for (const [variant, options] of Object.entries(clients)) {
      const found = await bounded(() => make(new Client(options).fetch, url));
      const error = found?.failed ?? expected?.failed ?? difference(expected, found, standard[name]);
      results.push({ name: name + variant, ...(error && { error }) });
    }
  }
  return results;
}

/** What comes of it, or `failed`, which says why nothing did. */
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
