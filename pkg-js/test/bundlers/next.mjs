/** Next: routes and components in both of its runtimes, and pages that run in the browser; by both of its bundlers. */
import { deepStrictEqual } from "node:assert";
import { rmSync } from "node:fs";
import path from "node:path";
import { copiesAre, isSilent, pageWorks, query } from "./facts.mjs";
import { expected } from "./pages/program.mjs";
import { run, start } from "./processes.mjs";
import { program, project } from "./projects.mjs";

export const next = { next: (matrix) => built(matrix, "--turbopack"), "next-webpack": built, "next-dev": developed };

/** What runs on the server, and where it is. */
const parts = { "a route in Node": "node", "a component in Node": "server", "a route in the edge runtime": "edge", "a component in the edge runtime": "edge-server" };

/** What Next says of projects like this one, whatever they import. */
const known = [/.*The Edge Runtime is deprecated.*/g, /.*Using edge runtime on a page currently disables.*/g, /.*No build cache found.*/g];

const tool = ({ folder }, ...args) => [program(folder, "next"), ...args];
const address = ["--hostname", "127.0.0.1", "--port", "0"];
const isQuiet = (said) => isSilent(known.reduce((rest, line) => rest.replace(line, ""), said));

async function built(matrix, bundler = "--webpack") {
  const cwd = project(matrix.projects, matrix.name, "next");
  const here = { ...parts };
  if (bundler === "--webpack") {
    // With webpack this version of Next fails to build any such route, an empty one too: no route_client-reference-manifest.js.
    delete here["a route in the edge runtime"];
    rmSync(path.join(cwd, "app", "edge"), { recursive: true });
  }
  let said;
  await matrix.check("all is built without a warning", async () => {
    said = await run(tool(matrix, "build", bundler), cwd, {}, 600_000);
    isQuiet(said);
  });
  if (said === undefined) return;
  await matrix.check("the browser's files have the module once", () => copiesAre(1, path.join(cwd, ".next", "static")));
  await works(matrix, tool(matrix, "start", ...address), cwd, here);
}

async function developed(matrix) {
  await works(matrix, tool(matrix, "dev", ...address), project(matrix.projects, matrix.name, "next"), parts);
}

async function works(matrix, command, cwd, here) {
  const { check } = matrix;
  const server = await start(command, cwd, {});
  for (const [part, place] of Object.entries(here)) {
    await check(`${part} works`, async () => deepStrictEqual(outcomeIn(await ask(matrix, server, place)), expected));
  }
  await check("the default page works", () => pageWorks(matrix, `${server.url}/default`, 0));
  await check("the slim page works", () => pageWorks(matrix, `${server.url}/slim`, 1));
  await check("the server warns of nothing", () => isQuiet(server.said));
  server.stop();
}

async function ask({ lab }, { url }, place) {
  const answer = await fetch(`${url}/${place}${query(lab)}`, { signal: AbortSignal.timeout(120_000) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`it answered with ${answer.status}\n${text.slice(0, 2000)}`);
  return text;
}

/** A component's outcome is part of its page. */
function outcomeIn(text) {
  const [, written] = /<output>(.*)<\/output>/.exec(text) ?? [];
  return JSON.parse(written?.replaceAll("&quot;", '"') ?? text);
}
