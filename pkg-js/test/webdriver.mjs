/**
 * Opens a page in a browser with a separate driver program (Firefox, WebKit), and ends the browser when the page has done its work. Contains
 * the few commands of WebDriver that this needs.
 */
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** The longest time of a command, in milliseconds. */
const PATIENCE = 60_000;

/** Opens `url` in the browser, returns the result of `work`, and ends driver and browser. */
export async function whileOpen(url, { driver, args = [], capabilities, folder }, work) {
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  // The caller removes the folder of the profiles, even if the browser cannot. The driver stays in the caller's process group, so that
  // the end of the group ends the driver too.
  const child = spawn(driver, [...args, `--port=${port}`], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, TMPDIR: folder } });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => said.push(data));
  const gone = new Promise((resolve) => child.on("error", resolve).on("exit", (status, signal) => resolve(new Error(`ended with ${signal ?? status}`))));
  let session;
  const visit = async () => {
    await listens(base);
    session = (await command(`${base}/session`, { capabilities: { alwaysMatch: capabilities } })).sessionId;
    await command(`${base}/session/${session}/url`, { url });
    return await work();
  };
  try {
    return await Promise.race([visit(), gone.then((error) => Promise.reject(error))]);
  } catch (error) {
    throw new Error(`${path.basename(driver)}: ${error.message}\n${Buffer.concat(said)}`, { cause: error });
  } finally {
    // The end of the session ends the browser. The end of the driver would not.
    if (session) await command(`${base}/session/${session}`, undefined, "DELETE").catch((error) => console.error(`  ${error}`));
    child.kill("SIGKILL");
    await gone;
  }
}

/** Waits until the driver accepts commands. */
async function listens(base) {
  const until = Date.now() + PATIENCE;
  for (;;) {
    const refused = await fetch(`${base}/status`, { signal: AbortSignal.timeout(PATIENCE) }).then(() => undefined, (error) => error);
    if (!refused) return;
    if (Date.now() > until) throw refused;
    await sleep(50);
  }
}

async function command(url, body, method = "POST") {
  const sent = { method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body), signal: AbortSignal.timeout(PATIENCE) };
  const { value } = await (await fetch(url, sent)).json();
  if (value?.error) throw new Error(`${value.error}: ${value.message}`);
  return value;
}

/** Returns a free port: a driver cannot choose a port by itself, or does not report the port that it chose. */
async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
