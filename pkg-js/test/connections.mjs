/**
 * Checks in Node which connections the client leaves open, and what keeps the process alive: `node test/connections.mjs`.
 * The last line counts the checks.
 */
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Client, isWaterspoutError } from "../dist/index.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc");

/** The requests of each round. */
const ROUNDS = 300;
/** A body that is larger than what a status error reads, and a body that it reads. */
const LARGE = 200_000;
const SMALL = 1_000;
/** The longest wait for the end of connections, in milliseconds. */
const PATIENCE = 5_000;

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Answers `/STATUS/LENGTH` with that status and a body of that length, and `/silence` never. With `/chunked` the length is not declared. */
function answer(request, response) {
  const [, status, length, kind] = request.url.split("/");
  if (status === "silence") return;
  const body = Buffer.alloc(Number(length), "x");
  if (kind !== "chunked") response.setHeader("content-length", body.length);
  response.writeHead(Number(status)).end(body);
}

/** Calls `work` with a server of its own, and the functions that count its connections. */
async function withServer(work) {
  const server = createServer(answer);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const open = () => new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
  /** Waits until at most `most` connections are open, and returns their number. */
  const settled = async (most) => {
    const end = performance.now() + PATIENCE;
    while ((await open()) > most && performance.now() < end) await sleep(10);
    return open();
  };
  try {
    return await work({ url: (path) => `http://127.0.0.1:${server.address().port}/${path}`, open, settled });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function assert(condition, message) {
  if (!condition) throw new Error(message);
}

/** Sends the requests of a round, each after the last, and checks that at most the connection for the next request is open. */
async function leavesNone(send) {
  await withServer(async ({ url, settled }) => {
    // Node closes the connection of a response that is collected, so the outcomes are kept until the connections are counted.
    const outcomes = [];
    for (let round = 0; round < ROUNDS; round++) outcomes.push(await send(url));
    const found = await settled(1);
    assert(found <= 1, `${found} connections are open after ${outcomes.length} requests`);
  });
}

/** Waits for the status error of a request, and returns it. */
async function statusError(request) {
  const error = await request.catch((error) => error);
  assert(isWaterspoutError(error, "STATUS"), String(error));
  return error;
}

/** Expects a status error of each request. */
const refused = (client, path) => leavesNone((url) => statusError(client.fetch(url(path))));
const refusedAsJson = (client, path) => leavesNone((url) => statusError(client.get(url(path)).json()));

/** A program that leaves a request without an answer, and closes its client. */
const closing = (url) => `import { Client } from ${JSON.stringify(new URL("../dist/index.js", import.meta.url).href)};
const client = new Client();
const errors = Array.from({ length: 3 }, () => client.fetch(${JSON.stringify(url)}).catch(({ code }) => code));
setTimeout(async () => {
  await client.close({ now: true });
  console.log((await Promise.all(errors)).join());
}, 100);`;

const checks = {
  large_status_errors_leave_no_connection: () => refused(new Client({ throwHttpErrors: true }), `404/${LARGE}`),
  large_status_errors_of_shortcuts_leave_no_connection: () => refusedAsJson(new Client({ throwHttpErrors: true }), `404/${LARGE}`),
  chunked_status_errors_leave_no_connection: () => refused(new Client({ throwHttpErrors: true }), `500/${LARGE}/chunked`),
  small_status_errors_leave_no_connection: () => refused(new Client({ throwHttpErrors: true }), `404/${SMALL}`),
  status_errors_with_limits_leave_no_connection: () => refused(new Client({ throwHttpErrors: true, timeout: 60_000, maxActive: 1 }), `404/${LARGE}`),
  failed_attempts_leave_no_connection: () => refused(new Client({ throwHttpErrors: true, retry: { attempts: 2, baseDelay: 0 } }), `503/${LARGE}`),
  cancelled_bodies_leave_no_connection: () => {
    const client = new Client({ maxActive: 1 });
    return leavesNone(async (url) => {
      const response = await client.get(url(`200/${LARGE}`));
      await response.body.cancel();
      return response;
    });
  },
  close_now_ends_connections_of_bare_requests: () => withServer(async ({ url, open, settled }) => {
    const client = new Client({ maxActive: 20 });
    const requests = Array.from({ length: 20 }, () => client.fetch(url("silence")).catch((error) => error));
    while ((await open()) < 20) await sleep(5);
    await client.close({ now: true });
    for (const error of await Promise.all(requests)) assert(isWaterspoutError(error, "CLOSED"), String(error));
    const found = await settled(0);
    assert(found === 0, `${found} connections are open`);
  }),
  a_process_ends_after_close_now: () => withServer(async ({ url }) => {
    const child = spawn(process.execPath, ["--input-type=module", "--eval", closing(url("silence"))], { timeout: PATIENCE });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (text += data));
    const [status, signal] = await new Promise((resolve) => child.on("close", (...end) => resolve(end)));
    assert(status === 0 && text.trim() === "CLOSED,CLOSED,CLOSED", `it ended with ${signal ?? status}: ${text}`);
  }),
  a_collected_response_frees_its_slot: () => withServer(async ({ url }) => {
    const client = new Client({ maxActive: 1 });
    for (let round = 0; round < 5; round++) {
      await client.get(url(`200/${SMALL}`));
      assert(client.stats().active === 1, "the body holds a slot");
      const next = client.fetch(url(`200/${SMALL}`));
      const end = performance.now() + PATIENCE;
      while (client.stats().queued > 0 && performance.now() < end) {
        collectGarbage();
        await sleep(10);
      }
      assert(client.stats().queued === 0, `in round ${round}, the next request waits`);
      await (await next).text();
    }
  }),
};

let [passed, failed] = [0, 0];
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    passed++;
    console.log(`ok     ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED ${name}: ${error.stack}`);
  }
}
console.log(`js-connections: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
