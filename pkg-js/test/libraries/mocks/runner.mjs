/** Runs a test runner in a process of its own, and counts each of its tests as a check. */
import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { report } from "../checks.mjs";

/** The longest time of a test runner, in milliseconds. */
const LIMIT = 120_000;

/**
 * Runs a runner in `folder`. `args` returns the arguments of Node for a path. There the runner writes its results in
 * Jest's form of JSON, which Vitest writes too.
 */
export async function runTests(name, folder, args) {
  const file = path.join(folder, "results.json");
  rmSync(file, { force: true });
  const output = await execute(args(file), folder);
  let results;
  try {
    results = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    return report(`${name}: it writes its results`, new Error(output.slice(0, 4000), { cause }));
  }
  for (const { assertionResults, message, name: path } of results.testResults) {
    if (assertionResults.length === 0) report(`${name}: ${path} has tests`, new Error(message));
    for (const { title, status, failureMessages } of assertionResults) {
      report(`${name}: ${title}`, status === "passed" ? undefined : failureMessages.join("\n") || status);
    }
  }
}

/** Runs Node and returns its output. */
function execute(args, cwd) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, CI: "1", NO_COLOR: "1" };
    const child = spawn(process.execPath, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], timeout: LIMIT, killSignal: "SIGKILL" });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
    child.on("error", reject);
    child.on("close", () => resolve(output));
  });
}
