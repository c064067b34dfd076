/**
 * Runs the bundlers' programs. Each leads a process group, because Next and Parcel start workers. A group ends with its use, with its time
 * limit, or with this process.
 */
import { spawn } from "node:child_process";

const groups = new Set();
process.on("exit", () => groups.forEach(end));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    groups.forEach(end);
    // Playwright closes its browser meanwhile, and then ends this process.
    setTimeout(() => process.exit(1), 5_000);
  });
}

function end(group) {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // The group has ended.
  }
}

function launch(command, cwd, env) {
  const child = spawn(command[0], command.slice(1), {
    cwd,
    // Node warns if both of these variables are set.
    env: { ...process.env, FORCE_COLOR: undefined, NO_COLOR: "1", NEXT_TELEMETRY_DISABLED: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  groups.add(child.pid);
  const program = { said: "", stop: () => end(child.pid) };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (program.said += text));
  program.ended = new Promise((resolve) => {
    child.on("error", (error) => resolve(String(error)));
    child.on("exit", () => {
      end(child.pid);
      groups.delete(child.pid);
      // A process that left the group may keep the pipes open.
      setTimeout(() => [child.stdout, child.stderr].forEach((stream) => stream.destroy()), 5_000).unref();
    });
    child.on("close", (status, signal) => resolve(signal ?? status));
  });
  return { child, program };
}

/** Runs a program to its end and returns its output. */
export async function run(command, cwd, env, limit = 300_000) {
  const { program } = launch(command, cwd, env);
  const late = setTimeout(program.stop, limit);
  const status = await program.ended;
  clearTimeout(late);
  if (status !== 0) throw new Error(`${command.join(" ")} ended with ${status}\n${program.said}`);
  return program.said;
}

/** Starts a server. The result has the `url` that it prints, its output so far (`said`), and `stop`. */
export async function start(command, cwd, env, limit = 120_000) {
  const { child, program } = launch(command, cwd, env);
  const late = setTimeout(program.stop, limit);
  program.url = await new Promise((resolve, reject) => {
    child.stdout.on("data", () => {
      const url = /http:\/\/(localhost|127\.0\.0\.1):\d+/.exec(program.said)?.[0];
      if (url) resolve(url);
    });
    program.ended.then((status) => reject(new Error(`${command.join(" ")} ended with ${status}\n${program.said}`)));
  });
  clearTimeout(late);
  return program;
}
