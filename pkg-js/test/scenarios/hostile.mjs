/** A hostile answer or signal fails its own request only. */
import { Client } from "waterspout";
import { assert, counts, equal } from "./support.mjs";
import { quiet, signalOf, silent, turn, within } from "./stubs.mjs";
import { clientOptions, hostileProxy, hostileThenables, hostileValues, LIMITS, mustAnswer, pairs, revokedProxy, sendings, survive, throwHostile, trapped, URL_A } from "./hostile-support.mjs";

const RESPONSE_MEMBERS = ["status", "ok", "headers", "body", "bodyUsed", "url", "type", "redirected", "clone", "text", "then", "constructor"];
const SIGNAL_MEMBERS = ["aborted", "reason", "addEventListener", "removeEventListener", "throwIfAborted", "dispatchEvent", "onabort", "constructor"];

/** How often a hostile member can be read before it throws. */
const READS = [0, 1, 2, 3];

const real = (status) => new Response("hello", { status });
const lookalike = (status) => ({ status, ok: status < 400, headers: new Headers(), body: null, bodyUsed: false, url: "", type: "basic", redirected: false, clone: () => lookalike(status), text: async () => "hello" });

/** Makers of hostile responses with a status. */
const responses = Object.fromEntries(
  RESPONSE_MEMBERS.flatMap((member) =>
    READS.flatMap((reads) => [
      [`a Response whose ${member} throws after ${reads} reads`, (status) => trapped(real(status), member, reads)],
      [`an object whose ${member} throws after ${reads} reads`, (status) => trapped(lookalike(status), member, reads)],
    ]),
  ),
);

/** Hostile bodies of objects that look like a response. */
const bodies = {
  "a proxy that throws": () => hostileProxy(),
  "a revoked proxy": () => revokedProxy(),
  "a stream whose getReader throws": () => trapped(new Response("hello").body, "getReader"),
  "a stream whose cancel throws": () => Object.assign(new Response("hello").body, { cancel: throwHostile }),
  "a stream whose cancel is a hostile thenable": () => Object.assign(new Response("hello").body, { cancel: () => ({ then: throwHostile }) }),
  "a stream whose locked throws": () => trapped(new Response("hello").body, "locked"),
  "a stream whose tee throws": () => trapped(new Response("hello").body, "tee"),
  "an object with a cancel that throws": () => ({ cancel: throwHostile }),
  "an object with a cancel that cannot be read": () => trapped({ cancel: 1 }, "cancel"),
  "a text": () => "hello",
};

/** Sources of streams that fail, or whose pieces are no bytes. */
const sources = {
  "a source that throws": { pull: throwHostile },
  "a source that rejects": { pull: async () => throwHostile() },
  "a cancel that throws": { pull: (body) => body.enqueue(new Uint8Array(3)), cancel: throwHostile },
  "a piece that throws": { pull: (body) => (body.enqueue(hostileProxy()), body.close()) },
  "a piece that is a revoked proxy": { pull: (body) => (body.enqueue(revokedProxy()), body.close()) },
  "a piece of text": { pull: (body) => (body.enqueue("hello"), body.close()) },
  "a piece that is undefined": { pull: (body) => (body.enqueue(undefined), body.close()) },
  "a piece whose length throws": { pull: (body) => (body.enqueue(trapped({}, "byteLength")), body.close()) },
};

/** Values in place of a signal. */
const signalValues = {
  ...hostileValues,
  "a proxy of a signal": () => new Proxy(new AbortController().signal, {}),
  "an event target": () => new EventTarget(),
  "a number": () => 5,
  ...Object.fromEntries(
    SIGNAL_MEMBERS.map((member) => [
      `an object whose ${member} throws`,
      () => trapped({ aborted: false, reason: undefined, addEventListener: () => undefined, removeEventListener: () => undefined, throwIfAborted: () => undefined }, member),
    ]),
  ),
};

const signalTraps = Object.fromEntries(
  SIGNAL_MEMBERS.flatMap((member) => [0, 1, 2, 3, 4, 6].map((reads) => [`a signal whose ${member} throws after ${reads} reads`, [member, reads]])),
);

/** What happens after a request with a hostile signal was sent. */
const courses = {
  "is answered": () => undefined,
  "is aborted at once": (controller) => controller.abort("enough"),
  "is aborted later": (controller) => void turn().then(() => controller.abort("enough")).catch(() => undefined),
};

/** A transport that answers, unless its request is aborted before. */
const patient = (input, init) => {
  const signal = signalOf(input, init);
  return new Promise((resolve, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason));
    turn().then(turn).then(turn).then(() => resolve(new Response("hello")));
  });
};

const withOptions = (make) => pairs(clientOptions, sendings, make);

/** Returns a table of cases for a maker of a hostile value: all client options, with each way to send. */
function everyClient(name, make) {
  const cases = withOptions((options, send) => ({ options: { ...options, fetch: make }, send: (client) => send(client, URL_A) }));
  return Object.fromEntries(Object.entries(cases).map(([variant, entry]) => [`${name} (${variant})`, entry]));
}

export const hostile = {
  async a_response_with_a_member_that_throws_fails_only_its_request() {
    for (const status of [200, 503]) {
      for (const [option, options] of Object.entries(clientOptions)) {
        const make = (response, send) => ({ options: { ...options, fetch: async () => response(status) }, send: (client) => send(client, URL_A) });
        await survive(pairs(responses, sendings, make)).catch((error) => assert(false, `status ${status} with ${option}: ${error.message}`));
      }
    }
  },
  async a_value_in_place_of_a_response_fails_only_its_request() {
    for (const [name, make] of Object.entries({ ...hostileValues, ...hostileThenables })) {
      await survive({
        ...everyClient(`a promise of ${name}`, async () => make()),
        ...everyClient(`${name} itself`, () => make()),
      });
    }
  },
  async a_hostile_body_fails_only_its_request() {
    // All bodies at the same time: a body that is not read holds its slot for a second.
    for (const status of [200, 503]) {
      const cases = Object.entries(bodies).map(([name, make]) => ({
        ...everyClient(`an object with ${name}, ${status}`, async () => ({ ...lookalike(status), body: make() })),
        ...everyClient(`a Response with ${name}, ${status}`, async () => Object.defineProperty(real(status), "body", { value: make(), configurable: true })),
      }));
      await survive(Object.assign({}, ...cases));
    }
  },
  async a_stream_that_fails_or_has_no_bytes_fails_only_its_request() {
    const reads = {
      "its text": (response) => response.text(),
      "a reader": async ({ body }) => {
        const reader = body.getReader();
        for (let pieces = 0; pieces < 3 && !(await reader.read()).done; pieces++);
        await reader.cancel();
      },
      cancel: ({ body }) => body.cancel("enough"),
    };
    for (const [name, source] of Object.entries(sources)) {
      const isEndless = name === "a cancel that throws";
      const fetch = (status) => async () => new Response(new ReadableStream(source), { status });
      for (const status of [200, 503]) {
        const make = (options, read) => ({ options: { ...options, fetch: fetch(status) }, send: async (client) => read(await client.fetch(URL_A)) });
        const { "its text": text, ...others } = reads;
        const cases = pairs(clientOptions, isEndless ? others : { ...others, "its text": text }, make);
        await survive(cases).catch((error) => assert(false, `${name}, ${status}: ${error.message}`));
      }
    }
  },
  async a_hostile_error_is_passed_on_and_fails_only_its_request() {
    for (const [name, make] of Object.entries(hostileValues)) {
      const value = make();
      const plain = ({ status, reason }) => (status === "rejected" && reason === value ? undefined : "it must reject with that value");
      const cases = pairs(clientOptions, sendings, (options, send, option) => ({
        options: { ...options, fetch: () => Promise.reject(value) },
        send: (client) => send(client, URL_A),
        check: "retry" in options ? ({ status }) => (status === "rejected" ? undefined : "it must reject") : plain,
        option,
      }));
      await survive(cases).catch((error) => assert(false, `a rejection with ${name}: ${error.message}`));
      const thrown = pairs(clientOptions, { fetch: sendings.fetch }, (options, send) => ({
        options: { ...options, fetch: () => { throw value; } },
        send: (client) => send(client, URL_A),
      }));
      await survive(thrown).catch((error) => assert(false, `an exception of ${name}: ${error.message}`));
    }
  },
  async a_signal_with_a_member_that_throws_fails_only_its_request() {
    // The platform may use a signal later, when it collects a Request. Then the signal must be harmless again.
    const restores = [];
    for (const [option, options] of Object.entries(clientOptions)) {
      const make = ([member, reads], course) => ({
        options: { ...options, fetch: patient },
        send(client) {
          const controller = new AbortController();
          const { signal } = controller;
          trapped(signal, member, reads);
          restores.push(() => delete signal[member]);
          const sent = quiet(client.fetch(URL_A, { signal }));
          course(controller);
          return sent;
        },
      });
      const outcome = survive(pairs(signalTraps, courses, make)).catch((error) => assert(false, `with ${option}: ${error.message}`));
      await outcome.finally(() => restores.splice(0).forEach((restore) => restore()));
    }
  },
  async a_value_in_place_of_a_signal_fails_only_its_request() {
    for (const [option, options] of Object.entries(clientOptions)) {
      const make = (value, send) => ({ options: { ...options, fetch: patient }, send: (client) => send(client, URL_A, { signal: value(), slot: "head" }) });
      await survive(pairs(signalValues, sendings, make)).catch((error) => assert(false, `with ${option}: ${error.message}`));
    }
  },
  async a_hostile_reason_of_an_abort_is_passed_on() {
    // Some reasons make the `abort` of workerd throw.
    const isPossible = ([, make]) => {
      try {
        new AbortController().abort(make());
        return true;
      } catch {
        return false;
      }
    };
    for (const [name, make] of Object.entries(hostileValues).filter(isPossible)) {
      for (const isSecond of [false, true]) {
        for (const options of Object.values(clientOptions)) {
          const client = new Client({ maxActive: 1, ...options, fetch: silent });
          const [first, controller] = [new AbortController(), new AbortController()];
          if (isSecond) quiet(client.fetch(URL_A, { signal: first.signal }));
          const reason = make();
          const aborted = client.fetch(URL_A, { signal: controller.signal }).then(() => [], (error) => [error]);
          await turn();
          controller.abort(reason);
          assert((await within(aborted, `a request aborted with ${name}`))[0] === reason, `it rejects with the reason: ${name}`);
          first.abort();
          await turn();
          equal(counts(client), { active: 0, queued: 0 }, name);
        }
      }
    }
  },
  async requests_after_hostile_ones_are_answered() {
    const answers = Object.values(responses).map((make) => make(503));
    const fetch = async () => answers.shift() ?? new Response("hello");
    const client = new Client({ maxActive: 3, timeout: LIMITS, retry: { attempts: 2, baseDelay: 0 }, fetch });
    while (answers.length > 0) await within(client.fetch(URL_A).then(() => undefined, () => undefined), "a request with a hostile response");
    // A response that is not read keeps its slot for a while.
    const { get, ...reading } = sendings;
    const cases = pairs({ "the same client": client, "another client": new Client({ fetch }) }, reading, (sender, send) => ({ options: {}, send: () => send(sender, URL_A), check: mustAnswer }));
    await survive(cases);
    equal(counts(client), { active: 0, queued: 0 });
  },
};
