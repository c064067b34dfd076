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

/** Functions of a call that refer to its response, and so must not be kept alive until the response is collected. */
const closures = {
  "a progress callback": (client, url) => {
    const held = {};
    return client.fetch(url, { waterspout: { onDownloadProgress: () => held.response } }).then((response) => (held.response = response));
  },
  "a hook": (client, url) => {
    const held = {};
    return client.fetch(url, { waterspout: { hooks: { onError: () => held.response } } }).then((response) => (held.response = response));
  },
  "a listener of the caller's signal": (client, url) => {
    const controller = new AbortController();
    return client.fetch(url, { signal: controller.signal }).then((response) => {
      controller.signal.addEventListener("abort", () => response.headers);
      return response;
    });
  },
  "a hook of a request that holds its slot": (client, url) => {
    const held = {};
    const waterspout = { slot: "body", hooks: { onError: () => held.response } };
    return client.fetch(url, { waterspout }).then((response) => (held.response = response));
  },
  "the observer of a client": async (_, url) => {
    const held = {};
    const client = new Client();
    client.observe(() => held.response);
    return (held.response = await client.fetch(url));
  },
};

/** Sends a request, reads the body if asked to, and drops the response. It is not reachable from the result. */
async function send(call, client, url, mustRead) {
  const response = await call(client, url);
  if (mustRead) await response.arrayBuffer();
  return new WeakRef(response);
}

/** Returns the outcome of each call: "ended", or what was found instead. */
export async function dropped(lab) {
  const outcomes = {};
  const url = `${lab}/lab/bytes/100000`;
  const client = new Client();
  const stages = [];
  client.observe(({ stage }) => stages.push(stage));
  for (const [name, call] of Object.entries(calls)) {
    stages.length = 0;
    await send(call, client, url, false);
    for (let round = 0; round < 20 && stages.length < 3; round++) await collect(1);
    const steps = stages.join(", ");
    outcomes[`an observer gets the last step of a call ${name} whose response is dropped`] = steps === "started, head, cancelled" ? "ended" : steps;
  }
  for (const [name, call] of Object.entries(closures)) {
    for (const [kind, each] of Object.entries({ observed: client, unobserved: new Client() })) {
      const responses = [];
      for (let count = 0; count < 20; count++) responses.push(await send(call, each, url, true));
      await collect();
      // An engine may still hold the last response.
      const alive = responses.filter((response) => response.deref()).length;
      outcomes[`${name} keeps no ${kind} response alive`] = alive < 3 ? "ended" : `${alive} of 20 are alive`;
    }
  }
  return outcomes;
}
