/**
 * The tests that a user of a test runner writes. Each runner calls `userTests` with its own functions: `test`,
 * `expect`, `fn`, `stub` (sets a global value until the end of the test), `useFakeTimers`, `useRealTimers` and `advance`
 * (moves the clock by milliseconds).
 */
import { Client } from "waterspout";

export function userTests({ test, expect, fn, stub, useFakeTimers, useRealTimers, advance }) {
  const answer = () => fn(async () => new Response("mocked"));
  const textOf = async (response) => (await response).text();

  /** Runs a test with fake timers. */
  const testWithTimers = (title, body, options) =>
    test(title, async () => {
      useFakeTimers(options);
      try {
        await body();
      } finally {
        useRealTimers();
      }
    });

  /** The outcome of a promise so far: the value, the name of the error, or "pending". */
  const watch = (promise) => {
    const state = { outcome: "pending" };
    promise.then(
      (value) => (state.outcome = value),
      (error) => (state.outcome = error.name),
    );
    return state;
  };

  test("a client made before the mock calls the mock", async () => {
    const client = new Client();
    const fetch = answer();
    stub("fetch", fetch);
    expect(await textOf(client.fetch("http://a.test/"))).toBe("mocked");
    expect(await client.post("http://a.test/", { json: { a: 1 } }).text()).toBe("mocked");
    expect(await textOf(client.fetch("http://a.test/", { waterspout: { timeout: 5_000, retry: 2 } }))).toBe("mocked");
    expect(fetch).toHaveBeenCalledTimes(3);
  });

  test("a client made after the mock calls the mock", async () => {
    const fetch = answer();
    stub("fetch", fetch);
    const client = new Client({ maxActive: 1 });
    expect(await Promise.all(["a", "b", "c"].map((name) => textOf(client.fetch(`http://${name}.test/`))))).toEqual(["mocked", "mocked", "mocked"]);
    expect(fetch).toHaveBeenCalledTimes(3);
  });

  test("the next mock takes the place of the last", async () => {
    const client = new Client();
    for (const text of ["first", "second"]) {
      stub("fetch", fn(async () => new Response(text)));
      expect(await textOf(client.fetch("http://a.test/"))).toBe(text);
    }
  });

  const kinds = { "fake timers": undefined, "fake timers beside the real performance.now": { withoutPerformance: true } };
  for (const [kind, options] of Object.entries(kinds)) {
    testWithTimers(`with ${kind}, a limit passes`, async () => {
      stub("fetch", fn((input, init) => new Promise((_, reject) => signalOf(input, init).addEventListener("abort", ({ target }) => reject(target.reason)))));
      const call = watch(new Client({ timeout: 1_000 }).fetch("http://a.test/"));
      await advance(900);
      expect(call.outcome).toBe("pending");
      await advance(200);
      expect(call.outcome).toBe("TimeoutError");
    }, options);

    testWithTimers(`with ${kind}, a request waits at most its limit in the queue`, async () => {
      stub("fetch", fn(() => new Promise(() => undefined)));
      const client = new Client({ maxActive: 1 });
      const running = watch(client.fetch("http://a.test/"));
      const waiting = watch(client.fetch("http://b.test/", { waterspout: { timeout: { queue: 1_000 } } }));
      await advance(1_100);
      expect([running.outcome, waiting.outcome]).toEqual(["pending", "TimeoutError"]);
    }, options);

    testWithTimers(`with ${kind}, a retry follows its delay`, async () => {
      let attempts = 0;
      stub("fetch", fn(async () => (++attempts < 3 ? new Response("", { status: 503, headers: { "retry-after": "2" } }) : new Response("mocked"))));
      const call = watch(textOf(new Client({ retry: 3 }).fetch("http://a.test/")));
      await advance(1_900);
      expect(attempts).toBe(1);
      await advance(200);
      expect(attempts).toBe(2);
      await advance(2_100);
      expect([attempts, call.outcome]).toEqual([3, "mocked"]);
    }, options);

    testWithTimers(`with ${kind}, a rate lets requests start`, async () => {
      const fetch = answer();
      stub("fetch", fetch);
      const client = new Client({ rateLimit: { requests: 1, per: 1_000 } });
      const calls = watch(Promise.all(["a", "b", "c"].map((name) => textOf(client.fetch(`http://${name}.test/`)))));
      await advance(0);
      expect(fetch).toHaveBeenCalledTimes(1);
      await advance(1_100);
      expect(fetch).toHaveBeenCalledTimes(2);
      await advance(1_000);
      expect(fetch).toHaveBeenCalledTimes(3);
      expect(calls.outcome).toEqual(["mocked", "mocked", "mocked"]);
    }, options);
  }
}

/** Returns the signal of a call of fetch. */
const signalOf = (input, init) => init?.signal ?? input.signal;
