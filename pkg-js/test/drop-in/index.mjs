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

/** Where the two differ, by name. */
function difference(engines, clients) {
  const [left, right] = [engines, clients].map((value) => JSON.stringify(value, (_, part) => (part === undefined ? null : part)));
  return left === right ? undefined : `the engine's: ${left}\nthe client's: ${right}`;
}

/** Makes every call both ways; the result says where the client's fetch is not as the engine's. */
export async function run(base, platform, features) {
  const url = (experiment) => `${base.replace(/\/$/, "")}/lab/${experiment}`;
  const engines = globalThis.fetch;
  const results = [];
  for (const [name, make] of Object.entries(table)) {
    let timer;
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("took over 20 s")), 20_000)));
    try {
      const both = async () => difference(await make(engines, url, features), await make(new Client().fetch, url, features));
      const error = await Promise.race([both(), late]);
      results.push(error ? { name, error } : { name });
    } catch (error) {
      results.push({ name, error: String(error?.stack ?? error) });
    } finally {
      clearTimeout(timer);
    }
  }
  return results;
}
