/**
 * Runs the scenarios in Node after `lockdown()` of SES, which freezes the objects of the language.
 *
 * Assignment to a member that a frozen prototype has then throws. A process of its own, because lockdown cannot be undone.
 */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

const SES = import.meta.resolve("ses");

/** The strictest setting: no member of a frozen prototype accepts assignment on an object that inherits from it. */
const OPTIONS = { overrideTaming: "min", errorTaming: "unsafe", consoleTaming: "unsafe" };

/** The longest time of all scenarios, in milliseconds. */
const LIMIT = 600_000;

export async function inLockdown(user, base) {
  const main = path.join(user, "lockdown.mjs");
  writeFileSync(main, `import { readFile } from "node:fs/promises";
    import ${JSON.stringify(SES)};
    lockdown(${JSON.stringify(OPTIONS)});
    for (const entry of ["waterspout", "waterspout/events", "waterspout/slim"]) Object.values(await import(entry)).forEach(harden);
    const probe = async function* () {};
    const { run } = await import("./scenarios.mjs");
    const results = await run(${JSON.stringify(base)}, "js-lockdown", { streams: true, wasm: () => readFile("node_modules/waterspout/dist/waterspout.wasm") });
    const isLocked = Object.isFrozen(Object.getPrototypeOf(probe.prototype));
    console.log(JSON.stringify([...results, { name: "prototypes_are_frozen", ...(!isLocked && { error: "a prototype is not frozen" }) }]));
    process.exit(0);`);
  const { stdout } = await promisify(execFile)(process.execPath, [main], { cwd: user, timeout: LIMIT, maxBuffer: 1 << 26 });
  return JSON.parse(stdout.trim().split("\n").at(-1));
}
