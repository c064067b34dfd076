/** Tests Next with both of its bundlers: routes and components in both of its runtimes, and pages in the browser. */
import { deepStrictEqual } from "node:assert";
import { rmSync } from "node:fs";
import path from "node:path";
import { copiesAre, isSilent, pageWorks, query } from "./facts.mjs";
import { expected } from "./pages/program.mjs";
import { run, start } from "./processes.mjs";
import { program, project } from "./projects.mjs";

export const next = { next: (matrix) => built(matrix, "--turbopack"), "next-webpack": built, "next-dev": developed };

/** The parts that run on the server, and their paths. */
const parts = { "a route in Node": "node", "a component in Node": "server", "a route in the edge runtime": "edge", "a component in the edge runtime": "edge-server" };

/** Warnings that Next prints for every project of this kind. */
const known = [/.*The Edge Runtime is deprecated.*/g, /.*Using edge runtime on a page currently disables.*/g, /.*No build cache found.*/g];

const tool = ({ folder }, ...args) => [program(folder, "next"), ...args];
const address = ["--hostname", "127.0.0.1", "--port", "0"];
const isQuiet = (said) => isSilent(known.reduce((rest, line) => rest.replace(line, ""), said));

async function built(matrix, bundler = "--webpack") {
  const cwd = project(matrix.projects, matrix.name, "next");
  const here = { ...parts };
  if (bundler === "--webpack") {
    // With webpack, this version of Next cannot build any such route, not even an empty route: no route_client-reference-manifest.js.
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

/** Returns the outcome in a route's response or in the page of a component. */
function outcomeIn(text) {
  const [, written] = /<output>(.*)<\/output>/.exec(text) ?? [];
  return JSON.parse(written?.replaceAll("&quot;", '"') ?? text);
}
