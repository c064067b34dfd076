/**
 * The scenarios in engines that are neither Node nor a browser: Deno, Bun and workerd, which tests/setup.sh installs.
 * Each takes the installed package as its users do; where an engine differs from the standards, `differs` says how and why.
 */
import { spawn } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";

const undecoded = /^Error: assertion failed: the body's length is \d+, not 100000\n/;
const accepted = /^Error: assertion failed: it should have been rejected\n/;
const lostConnection = [/the error is "Error", not "TypeError"\n/, "a lost connection is an Error with `retryable`, and no TypeError"];
const stacked = [undecoded, "it decodes one coding only and hands on what has several"];
const limitless = [accepted, "its fetch takes a head of any size"];
const withCredentials = [accepted, "its Request takes a URL with credentials"];
const withoutPolicy = "its Request has no referrer policy";
const withoutType = [/,true,false\], not \[.*,true,true\]\n/, "the type of its own responses is `default`, as of those that a program makes"];

/** Scenarios that fail on an engine: how exactly, and why. Each is run all the same; one that passes, or fails otherwise, is a failure. */
export const differs = {
  deno: {
    a_deflate_body_is_decoded_with_and_without_a_header: [undecoded, "its fetch asks for gzip and br, and decodes these"],
    stacked_codings_are_undone_from_the_last: stacked,
    a_huge_head_is_an_error: limitless,
    credentials_in_the_url_are_refused: withCredentials,
  },
  bun: {
    stacked_codings_are_undone_from_the_last: stacked,
    endless_redirects_are_an_error: [accepted, "its fetch follows more than the 20 redirects of the standard"],
    credentials_do_not_follow_to_another_origin: [/UnsupportedRedirectProtocol/, "it takes a relative Location with :// in its query for an absolute one"],
    a_huge_head_is_an_error: limitless,
    a_download_tells_how_far_it_is: withoutType,
    credentials_in_the_url_are_refused: withCredentials,
    a_request_keeps_its_referrer_with_limits_set: [/value is "", not "no-referrer"\n/, withoutPolicy],
  },
  workerd: {
    no_turn_of_the_loop_is_waited_for: [/ is \["turn",1,2,"turn"\], not /, "a message between ports arrives within the turn in which it was sent"],
    header_bytes_beyond_ascii_survive: [/value is "caf\ufffd", not/, "it reads headers as UTF-8"],
    header_bytes_beyond_ascii_are_sent_as_they_are: [/value is "99 97 102 195 169", not/, "it writes headers as UTF-8"],
    a_deflate_body_is_decoded_with_and_without_a_header: [undecoded, "its fetch asks for gzip and br, and decodes these"],
    stacked_codings_are_undone_from_the_last: stacked,
    a_failing_stream_fails_the_request: [accepted, "its fetch sends what came before the stream's error as the whole body"],
    a_header_with_a_line_break_is_refused: [accepted, "its Headers take an empty name; they refuse line breaks"],
    a_refused_connection_is_an_error: [/assertion failed: Error: Network connection lost\.\n/, lostConnection[1]],
    closing_without_an_answer_is_an_error: lostConnection,
    closing_within_the_head_is_an_error: lostConnection,
    closing_within_a_body_is_an_error: lostConnection,
    closing_within_a_chunked_body_is_an_error: lostConnection,
    garbage_is_an_error: lostConnection,
    a_signed_chunk_size_is_an_error: lostConnection,
    two_different_lengths_are_an_error: lostConnection,
    a_huge_head_is_an_error: limitless,
    dropping_the_body_ends_the_download: [/value is "false", not "true"\n/, "an abort after the head rejects the body and leaves the connection; cancelling the body ends it"],
    an_abort_reaches_the_platform_with_limits_set_too: [/value is "false", not "true"\n/, "an abort after the head rejects the body and leaves the connection"],
    // Three attempts, so that such an error is tried again.
    the_last_error_is_the_platforms_own: [/value is \["Error",false,3\], not \["TypeError",false,3\]\n/, lostConnection[1]],
    an_error_hook_is_told_and_cannot_do_harm: [/value is \["Error",.*"Error",1\]\]\], not/, lostConnection[1]],
    a_download_tells_how_far_it_is: withoutType,
    credentials_in_the_url_are_refused: withCredentials,
    a_request_keeps_its_referrer_with_limits_set: [/value is undefined, not "no-referrer"\n/, withoutPolicy],
  },
};

/** The engine's program, in the folder that ENGINES names. */
function program(name) {
  const folder = process.env.ENGINES;
  if (!folder) throw new Error("ENGINES has to name the folder of the engines; tests/setup.sh installs them");
  return path.join(folder, "node_modules", ".bin", name);
}

/** What a program writes, until it ends or `limit` milliseconds have passed. */
function output(command, args, options, limit = 240_000) {
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

/** The last line of what was written, as JSON. */
const lastLine = (text) => JSON.parse(text.trim().split("\n").at(-1));

/** Results in which a failure that stands in the table, and is still the one that it says, has passed. */
function judged(engine, results) {
  const known = differs[engine];
  const missing = Object.keys(known).filter((name) => !results.some((result) => result.name === name));
  const judge = ({ name, error }) => {
    if (!known[name]) return { name, error };
    const [failure, reason] = known[name];
    if (!error) return { name, error: `passes on ${engine} now; the table says: ${reason}` };
    if (!failure.test(error)) return { name, error: `fails on ${engine} otherwise than ${failure}: ${error}` };
    console.log(`differs on ${engine}: ${name}: ${reason}`);
    return { name };
  };
  return [...results.map(judge), ...missing.map((name) => ({ name, error: `stands in the table for ${engine} and is no scenario` }))];
}

/** An engine with a command line, which imports the installed package by its name. */
async function onCommandLine(engine, user, base, args) {
  const main = path.join(user, `${engine}.mjs`);
  writeFileSync(main, `import { readFile } from "node:fs/promises";
    import process from "node:process";
    import { run } from "./scenarios.mjs";
    const wasm = () => readFile(new URL("./node_modules/waterspout/dist/waterspout.wasm", import.meta.url));
    console.log(JSON.stringify(await run(${JSON.stringify(base)}, "js-${engine}", { streams: true, wasm })));
    process.exit(0);`);
  return judged(engine, lastLine(await output(program(engine), [...args, main], { cwd: user })));
}

/** Deno, with the permissions that the scenarios need and no others. */
export const inDeno = (user, base) => onCommandLine("deno", user, base, ["run", "--no-prompt", "--allow-net=127.0.0.1,localhost", `--allow-read=${user}`]);

export const inBun = (user, base) => onCommandLine("bun", user, base, ["run"]);

/** workerd, which compiles the module and gives it to the entry for its condition; a worker may not compile one itself. */
export async function inWorkerd(user, base) {
  const contents = `import compiled from "./waterspout.wasm";
    import { run } from "./scenarios.mjs";
    export default {
      async fetch() {
        return Response.json(await run(${JSON.stringify(base)}, "js-workerd", { streams: true, wasm: () => compiled }));
      },
    };`;
  await build({ stdin: { contents, resolveDir: user }, bundle: true, format: "esm", conditions: ["workerd"], external: ["./waterspout.wasm"], outfile: path.join(user, "worker.mjs"), logLevel: "warning" });
  copyFileSync(path.join(user, "node_modules/waterspout/dist/waterspout.wasm"), path.join(user, "waterspout.wasm"));
  writeFileSync(path.join(user, "workerd.capnp"), `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker.mjs", esModule = embed "worker.mjs"), (name = "waterspout.wasm", wasm = embed "waterspout.wasm")],
      compatibilityDate = "2025-11-01",
      globalOutbound = "loopback",
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
    const answer = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(240_000) });
    if (!answer.ok) throw new Error(`the worker answered ${answer.status}: ${await answer.text()}`);
    return judged("workerd", await answer.json());
  } finally {
    child.kill();
  }
}
