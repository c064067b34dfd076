/**
 * Runs the scenarios in Deno, Bun, workerd and later versions of Node, which tests/setup.sh installs.
 *
 * Each engine imports the installed package as its users do.
 */
import { spawn } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import { judged } from "./differs.mjs";

/** The time in milliseconds after which an engine counts as stuck. Each scenario has a limit of its own, and a busy machine needs time for all of them. */
const LIMIT = 600_000;

/** Returns the path of an engine's program in the folder ENGINES. */
function program(name) {
  const folder = process.env.ENGINES;
  if (!folder) throw new Error("ENGINES is not set: set it to the folder of the engines, which tests/setup.sh installs");
  return path.join(folder, "node_modules", ...(name.startsWith("node") ? [name, "bin", "node"] : [".bin", name]));
}

/** Runs a program for at most `limit` milliseconds and returns its output. */
function output(command, args, options, limit = LIMIT) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], timeout: limit, ...options });
    const [out, err] = [[], []];
    child.stdout.on("data", (data) => out.push(data));
    child.stderr.on("data", (data) => err.push(data));
    child.on("error", reject);
    child.on("close", (status, signal) => {
      const [text, errors] = [Buffer.concat(out).toString(), Buffer.concat(err).toString()];
      if (status === 0) resolve(text);
      else reject(new Error(`${path.basename(command)} ended with ${signal ?? status}\n${text}\n${errors}`));
    });
  });
}

/** Parses the last line of an output as JSON. */
const lastLine = (text) => JSON.parse(text.trim().split("\n").at(-1));

/** Runs the lists in an engine with a command line. The engine imports the installed package by its name. */
async function onCommandLine(engine, user, base, args, lists = ["scenarios.mjs"]) {
  const main = path.join(user, `${engine}.mjs`);
  writeFileSync(main, `import { readFile } from "node:fs/promises";
    import process from "node:process";
    const wasm = () => readFile(new URL("./node_modules/waterspout/dist/waterspout.wasm", import.meta.url));
    const results = [];
    for (const list of ${JSON.stringify(lists)}) {
      const { run } = await import(import.meta.resolve("./" + list));
      results.push(...(await run(${JSON.stringify(base)}, "js-${engine}", { streams: true, wasm })));
    }
    console.log(JSON.stringify(results));
    process.exit(0);`);
  return judged(engine, lastLine(await output(program(engine), [...args, main], { cwd: user })));
}

/** Runs the scenarios in Deno, with only the permissions that they need. */
export const inDeno = (user, base) => onCommandLine("deno", user, base, ["run", "--no-prompt", "--allow-net=127.0.0.1,localhost", `--allow-read=${user}`]);

/** Runs the scenarios in a later version of Node. Node 22 runs no drop-in list: it would wait four times for a response without end. */
const inNode = (engine, ...lists) => (user, base) => onCommandLine(engine, user, base, [], ["scenarios.mjs", ...lists]);

export const nodes = { node22: inNode("node22"), node24: inNode("node24", "drop-in/index.mjs"), node26: inNode("node26", "drop-in/index.mjs") };

export const inBun = (user, base) => onCommandLine("bun", user, base, ["run"]);

/** A present worker, with AsyncLocalStorage, and a worker of an older date, which has neither that nor `FinalizationRegistry`. */
const present = { date: "2025-11-01", flags: ["nodejs_als"] };
const older = { date: "2025-04-01", flags: [] };

/** Runs the scenarios in workerd, in both workers. It compiles the module and gives it to the entry for its condition: a worker may not compile a module. */
export async function inWorkerd(user, base) {
  const contents = `import compiled from "./waterspout.wasm";
    import { run } from "./scenarios.mjs";
    export default {
      async fetch() {
        return Response.json(await run(${JSON.stringify(base)}, "js-workerd", { streams: true, wasm: () => compiled }));
      },
    };`;
  const results = judged("workerd", await workerAnswer(user, contents));
  for (const { name, error } of judged("older workerd", await workerAnswer(user, contents, {}, older))) results.push({ name: `${name} (${older.date})`, error });
  return results;
}

/** Runs a worker in workerd, with texts as its bindings, and returns the JSON of its answer to a single request. */
export async function workerAnswer(user, contents, bindings = {}, { date, flags } = present) {
  const texts = Object.entries(bindings).map(([name, text]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`);
  await build({ stdin: { contents, resolveDir: user }, bundle: true, format: "esm", conditions: ["workerd"], external: ["./waterspout.wasm"], outfile: path.join(user, "worker.mjs"), logLevel: "warning" });
  copyFileSync(path.join(user, "node_modules/waterspout/dist/waterspout.wasm"), path.join(user, "waterspout.wasm"));
  writeFileSync(path.join(user, "workerd.capnp"), `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker.mjs", esModule = embed "worker.mjs"), (name = "waterspout.wasm", wasm = embed "waterspout.wasm")],
      compatibilityDate = "${date}",
      compatibilityFlags = ${JSON.stringify(flags)},
      globalOutbound = "loopback",
      bindings = [${texts}],
    )),
    (name = "loopback", network = (allow = ["local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`);
  const args = ["serve", "--control-fd=3", path.join(user, "workerd.capnp")];
  const child = spawn(program("workerd"), args, { stdio: ["ignore", "inherit", "inherit", "pipe"] });
  try {
    const port = await new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", (status) => reject(new Error(`workerd ended with ${status}`)));
      child.stdio[3].on("data", (line) => resolve(JSON.parse(line).port));
    });
    const answer = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(LIMIT) });
    if (!answer.ok) throw new Error(`the worker answered ${answer.status}: ${await answer.text()}`);
    return await answer.json();
  } finally {
    child.kill();
  }
}
