/** Checks the declarations: tsc compiles this file under each way of resolving modules. */
import { attemptsOf, Client, isTimeoutError, isWaterspoutError, WaterspoutError } from "waterspout";
import type { ClientOptions, ClientStats, ErrorCode, FetchOptions, Hooks, QueueEvent, Rate, RetryOptions, ShortcutInit, Timeouts, WaterspoutInit } from "waterspout";
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
expectType<Promise<void>>()(client.close({ now: true }));
expectType<Promise<void>>()(client.close());
expectType<Promise<void>>()(client.idle());

// Each shortcut returns a promise with all readers.
const answer = client.delete("http://a/");
expectType<Promise<Blob>>()(answer.blob());
expectType<Promise<ArrayBuffer>>()(answer.arrayBuffer());
expectType<Promise<FormData>>()(answer.formData());
const bytes: Promise<Uint8Array> = answer.bytes();
const { get, stats, close, extend } = client;
expectType<Client>()(extend({ headers: { a: "1", b: undefined }, hooks: {} }).extend({}));
// @ts-expect-error: `extend` shares the queue, so its limits cannot be set
client.extend({ maxActive: 2 });
// @ts-expect-error: a rate belongs to the queue, too
client.extend({ rateLimit: { requests: 1, per: 1 } });
void [bytes, get, stats, close];

// Each option accepts undefined, also with exactOptionalPropertyTypes.
type AllUndefined<T> = { [Member in keyof T]?: undefined };
type Accepts<T> = AllUndefined<T> extends T ? true : false;
const accepting: [Accepts<ClientOptions>, Accepts<FetchOptions>, Accepts<Timeouts>, Accepts<RetryOptions>, Accepts<Hooks>, Accepts<ShortcutInit>, Accepts<WaterspoutInit>, Accepts<Omit<Rate, "requests" | "per">>] = [true, true, true, true, true, true, true, true];
void accepting;

// The values that mean none, and the forms of each option.
new Client({ maxActive: Infinity, maxQueued: Infinity, rateLimit: false, rateLimitPerOrigin: false, retry: false, timeout: false, slot: "body" });
new Client({ retry: 0, baseUrl: new URL("http://a/"), headers: new Headers(), searchParams: "a=1" });
new Client({ baseUrl: "http://a/", headers: [["a", "1"]], searchParams: { a: 1, b: [true, "x"], c: undefined, d: null } });
client.get("http://a/", { timeout: 5_000, retry: { attempts: 2 }, slot: "head", priority: 1, throwHttpErrors: true, onDownloadProgress: ({ bytes }) => void bytes, searchParams: { a: 1 } });
client.get("http://a/", { timeout: { head: 1 }, waterspout: { slot: "body" }, searchParams: [["a", "1"]] });
client.get("http://a/", { priority: "low" });
client.post("http://a/", { form: new FormData() });
client.post("http://a/", { form: { a: 1, b: undefined } });
client.post("http://a/", { body: async () => new Blob() });
client.fetch("http://a/", { method: "POST", body: async () => "x", headers: { a: undefined } });
// @ts-expect-error: another value of `slot`
new Client({ slot: "tail" });
// @ts-expect-error: an object as a value
client.get("http://a/", { searchParams: { a: {} } });
// @ts-expect-error: a method of a shortcut
client.get("http://a/", { method: "POST" });

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

const retryLater: RetryOptions = { when: async ({ attempt }) => (attempt < 3 ? attempt * 100 : false) };
const growing: Hooks = {
  beforeRequest: [({ request, attempt, fetch }) => void fetch(`${request.url}${attempt}`), async () => new Response()],
  afterResponse: [
    async ({ request, response, fetch, retry }) => {
      if (response.status !== 401) return;
      const token = await (await fetch("/token", { method: "POST" })).text();
      return retry({ request: new Request(request, { headers: { authorization: token } }), delay: 10 });
    },
    ({ retry }) => retry(),
    () => new Response(),
  ],
  beforeRetry: [
    ({ delay, status, response, error }) => {
      expectType<number>()(delay);
      expectType<number | undefined>()(status);
      expectType<Response | undefined>()(response);
      expectType<unknown>()(error);
      return false;
    },
    ({ request }) => new Request(request),
    async () => undefined,
  ],
  onError: [({ error, fetch }) => void fetch("/report", { method: "POST", body: String(error) }), async () => undefined],
};
void [retryLater, growing];
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
  expectType<unknown>()(thrown.data);
}
// Only codes that this package throws.
expectType<"BODY_NOT_REPLAYABLE" | "CLEARED" | "CLOSED" | "DECODE" | "INTERNAL" | "LIMIT_EXCEEDED" | "QUEUE_FULL" | "STATUS" | "UNSUPPORTED">()(0 as unknown as ErrorCode);
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
