/** Checks the declarations: tsc compiles this file under each way of resolving modules. */
import { attemptsOf, Client, isTimeoutError, isWaterspoutError, WaterspoutError } from "waterspout";
import type { ClientOptions, ClientStats, ErrorCode, FetchOptions, QueueEvent, Rate, RetryOptions, ShortcutInit } from "waterspout";
import { events, eventsOf, type ServerEvent } from "waterspout/events";
import { Client as SlimClient, init } from "waterspout/slim";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<T>() {
  return <U>(_: U, ..._is: Equal<T, U> extends true ? [] : [never]): void => undefined;
}

const options: ClientOptions = { maxActive: 3, maxActivePerOrigin: 2, maxQueued: 0, rateLimit: { requests: 1, per: 10 }, retry: 2, timeout: { head: 5 } };
const client = new Client(options);

// A client's fetch has the type of the platform's fetch, and takes its place as an option.
const asFetch: typeof globalThis.fetch = client.fetch;
new Client({ fetch: client.fetch, fallback: asFetch });
const init1: RequestInit = { method: "POST" };
expectType<Promise<Response>>()(client.fetch("http://a/", init1));
expectType<Promise<Response>>()(client.fetch(new Request("http://a/"), { body: () => "x", waterspout: { priority: 1 } }));
expectType<Promise<{ a: number }>>()(client.get("http://a/", { searchParams: { a: "1" } }).json<{ a: number }>());
expectType<Promise<string>>()(client.post(new URL("http://a/"), { json: [1] }).text());
expectType<ClientStats>()(client.stats());
expectType<number>()(client.clear());
expectType<() => void>()(client.observe((event) => expectType<QueueEvent>()(event)));
client.close({ now: true });
client.close();

// @ts-expect-error: an unknown option
new Client({ maxActiv: 3 });
// @ts-expect-error: a value of another type
new Client({ timeout: "5s" });
// @ts-expect-error: a rate without `per`
const rate: Rate = { requests: 1 };
// @ts-expect-error: a shortcut sets the method itself
const shortcut: ShortcutInit = { method: "POST" };
// @ts-expect-error: an unknown code
isWaterspoutError(null, "NOT_A_CODE");

const retry: RetryOptions = { when: ({ response, error, attempt, default: wanted }) => wanted && attempt < 3 && !response && !error };
const hooks: FetchOptions = {
  retry,
  hooks: {
    beforeRequest: async ({ request }) => new Request(request),
    afterResponse: ({ response }) => void response.status,
    onError: ({ error }) => void attemptsOf(error as Error),
  },
};
void [rate, shortcut, hooks];

const thrown: unknown = new WaterspoutError("STATUS", "x", { attempts: 2 });
if (isWaterspoutError(thrown, "QUEUE_FULL")) expectType<"QUEUE_FULL">()(thrown.code satisfies ErrorCode as "QUEUE_FULL");
if (isWaterspoutError(thrown)) {
  expectType<ErrorCode>()(thrown.code);
  expectType<Response | undefined>()(thrown.response);
}
expectType<boolean>()(isTimeoutError(thrown));

async function read(): Promise<void> {
  for await (const event of events(client, "http://a/", { method: "POST", body: "x", maxAttempts: Infinity })) expectType<ServerEvent>()(event);
  for await (const { id } of client.events("http://a/", { waterspout: { priority: 1 } })) expectType<string>()(id);
  for await (const { id } of events(fetch, new URL("http://a/"))) expectType<string>()(id);
  const again = { method: "POST", body: async () => "x", reconnect: true, retryDelay: undefined };
  for await (const { data } of client.events("http://a/", again)) expectType<string>()(data);
  for await (const event of eventsOf(await fetch("http://a/"), { maxEventSize: 1 })) expectType<ServerEvent>()(event);
  expectType<Promise<void>>()(init());
  await init(new URL("http://a/x.wasm"));
  await init(fetch("http://a/x.wasm"));
  expectType<Promise<Response>>()(new SlimClient().fetch("http://a/"));
}
void read;
