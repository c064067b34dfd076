/** Next: a route in each of its runtimes, a page rendered on its server, and pages that run in the browser; by both of its bundlers. */
import { deepStrictEqual } from "node:assert";
import path from "node:path";
import { copiesAre, isSilent, pageWorks } from "./facts.mjs";
import { expected } from "./pages/program.mjs";
import { run, start } from "./processes.mjs";
import { program, project } from "./projects.mjs";

export const next = {
  next: (matrix) => built(matrix, "--turbopack"),
  "next-webpack": (matrix) => built(matrix, "--webpack"),
  "next-dev": developed,
};

const tool = ({ folder }, ...args) => [program(folder, "next"), ...args];
const address = ["-H", "127.0.0.1", "-p", "0"];

async function built(matrix, bundler) {
  const cwd = project(matrix.projects, matrix.name, "next");
  let said;
  await matrix.check("all is built without a warning", async () => {
    said = await run(tool(matrix, "build", bundler), cwd, {}, 240_000);
    isSilent(said);
  });
  if (said === undefined) return;
  await matrix.check("the browser's files have the module once", () => copiesAre(1, path.join(cwd, ".next", "static")));
  await works(matrix, tool(matrix, "start", ...address), cwd);
}

async function developed(matrix) {
  await works(matrix, tool(matrix, "dev", ...address), project(matrix.projects, matrix.name, "next"));
}

async function works(matrix, command, cwd) {
  const server = await start(command, cwd, {});
  const { check } = matrix;
  await check("a route in Node works", async () => answers(await ask(matrix, server, "node")));
  await check("a route in the edge runtime works", async () => answers(await ask(matrix, server, "edge")));
  await check("a component on the server works", async () => {
    const [, found] = /<output>(.*)<\/output>/.exec(await ask(matrix, server, "server")) ?? [];
    answers(found?.replaceAll("&quot;", '"'));
  });
  await check("the default page works", () => pageWorks(matrix, `${server.url}/default`, 0));
  await check("the slim page works", () => pageWorks(matrix, `${server.url}/slim`, 1));
  await check("the server is silent", () => isSilent(server.said));
  server.stop();
}

async function ask({ lab, name }, { url }, route) {
  const answer = await fetch(`${url}/${route}?lab=${lab}&key=bundlers-${name}-${route}`, { signal: AbortSignal.timeout(60_000) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${route} answered with ${answer.status}\n${text.slice(0, 2000)}`);
  return text;
}

const answers = (text) => deepStrictEqual(JSON.parse(text ?? "null"), expected);
