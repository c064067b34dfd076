/** Starts the server of a checkout of web-platform-tests. Browsers need a rule that maps its hosts to this machine. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

export const HOST = "web-platform.test";
/** The longest time of the start, in milliseconds. */
const START = 60_000;

/** Returns free ports. All are held until the last is known: a released port might be returned twice. */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

const answers = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const end = (found) => () => (socket.destroy(), resolve(found));
    socket.on("connect", end(true)).on("error", end(false));
  });

/** Starts the server. `origin(kind)` returns the origin for a `kind` of test, `stop()` ends all processes of the server. */
export async function startServer(checkout) {
  const [http, http2, https, https2, h2] = await freePorts(5);
  const folder = mkdtempSync(path.join(tmpdir(), "waterspout-wpt-"));
  const config = path.join(folder, "config.json");
  const ports = { http: [http, http2], https: [https, https2], h2: [h2] };
  writeFileSync(config, JSON.stringify({ server_host: "127.0.0.1", check_subdomains: false, ports }));
  const child = spawn(process.env.PYTHON ?? "python3", ["wpt", "serve", "--config", config], { cwd: checkout, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output = (output + data).slice(-10_000)));
  const ended = new Promise((resolve) => child.on("error", resolve).on("close", resolve));
  let running = true;
  void ended.then(() => (running = false));

  const stop = async () => {
    // The server starts a process for each port, so the whole process group is ended.
    for (const signal of ["SIGTERM", "SIGKILL"]) {
      try {
        if (child.pid) process.kill(-child.pid, signal);
      } catch {
        break;
      }
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 3_000))]);
    }
    rmSync(folder, { recursive: true, force: true });
  };

  const late = performance.now() + START;
  const wanted = Object.values(ports).flat();
  while (!(await Promise.all(wanted.map(answers))).every(Boolean)) {
    if (!running || performance.now() > late) {
      await stop();
      throw new Error(`wpt serve in ${checkout} ${running ? "has not started" : "ended"}\n${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const origins = { http: `http://${HOST}:${http}`, https: `https://${HOST}:${https}`, h2: `https://${HOST}:${h2}` };
  return { origin: (kind) => origins[kind], stop };
}
