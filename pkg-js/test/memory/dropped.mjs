/** Checks that the observers of a client get the last step of a request whose response was dropped unread. */
import { collect } from "./watch.mjs";

const { Client } = await import("../../dist/index.js");

/** Calls whose responses are kept alive by different objects. */
const calls = {
  alone: (client, url) => client.fetch(url),
  "with a signal": (client, url) => client.fetch(url, { signal: new AbortController().signal }),
  "with headers": (client, url) => client.fetch(url, { headers: { "x-a": "1" } }),
  "with a slot for the body": (client, url) => client.fetch(url, { waterspout: { slot: "body" } }),
};

/** Sends a request and drops its response. Neither is reachable from the result. */
async function send(call, url, stages) {
  const client = new Client();
  client.observe(({ stage }) => stages.push(stage));
  await call(client, url);
}

/** Returns the outcome of each call: "ended", or the steps that came. */
export async function dropped(lab) {
  const outcomes = {};
  for (const [name, call] of Object.entries(calls)) {
    const stages = [];
    await send(call, `${lab}/lab/bytes/100000`, stages);
    for (let round = 0; round < 20 && stages.length < 3; round++) await collect(1);
    const steps = stages.join(", ");
    outcomes[`an observer gets the last step of a call ${name} whose response is dropped`] = steps === "started, head, cancelled" ? "ended" : steps;
  }
  return outcomes;
}
