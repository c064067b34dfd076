/**
 * Runs each program of the README that the package ships, and of the guide in `docs/`: `node test/run.mjs SERVER_URL readme`.
 *
 * A program in JavaScript or TypeScript is compiled against the installed package, then runs in this Node with a fetch that answers
 * from its setup. A page is opened in Chromium. If ENGINES names the folder of the engines, the worker also runs in workerd. A program
 * without a setup fails, and so does a setup without a program.
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { format } from "node:util";
import { transform } from "esbuild";
import ts from "typescript";
import { inChromium } from "./browsers.mjs";
import { codeBlocks } from "./readme/blocks.mjs";
import { guideSetups } from "./readme/guide.mjs";
import { newNetwork } from "./readme/network.mjs";
import { setups } from "./readme/setups.mjs";
import { tableChecks } from "./readme/tables.mjs";
import { inWorkerd } from "./readme/workerd.mjs";

/** The longest time of a program, in milliseconds. */
const LIMIT = 20_000;

/** The folder of the guide. */
const DOCS = fileURLToPath(new URL("../../docs/", import.meta.url));

/** The modules of packages that only the suite js-libraries has. */
const FOREIGN = 'declare module "msw"; declare module "msw/node"; declare module "vitest";';

export async function asReadme(user) {
  const installed = path.join(user, "node_modules", "waterspout");
  const markdown = await readFile(path.join(installed, "README.md"), "utf8");
  const pages = [{ page: "README.md", markdown, setups }, ...(await guidePages())];
  const blocks = pages
    .flatMap(({ page, markdown, setups }) => codeBlocks(markdown).map((block) => ({ ...block, page, setup: setups[block.key] })))
    .map((block, index) => ({ ...block, file: path.join(user, "readme", `${index}.ts`) }));
  mkdirSync(path.join(user, "readme"));
  const checks = {
    "each program has a setup, and each setup has a program": () => isCovered(blocks, pages),
    ...typeChecks(blocks, user),
    ...tableChecks(markdown, path.join(installed, "dist")),
  };
  for (const block of blocks) {
    if (!block.check && block.setup) checks[`${block.page}:${block.line} ${block.key}`] = () => execute(block, block.setup, user);
  }
  if (process.env.ENGINES) checks["the worker runs in workerd"] = () => inWorkerd(user, blocks.find(({ page, key }) => page === "README.md" && key === "Cloudflare Workers").code);
  const results = [];
  for (const [name, check] of Object.entries(checks)) results.push({ name, error: await errorOf(check) });
  return results;
}

/** Returns the chapters of the guide. A chapter without an entry has no programs. */
async function guidePages() {
  const names = (await readdir(DOCS)).filter((name) => name.endsWith(".md"));
  const unknown = Object.keys(guideSetups).filter((name) => !names.includes(name));
  assert.deepEqual(unknown, [], "the guide has no such chapter");
  return Promise.all(
    names.map(async (name) => ({ page: `docs/${name}`, markdown: await readFile(path.join(DOCS, name), "utf8"), setups: guideSetups[name] ?? {} })),
  );
}

/** Returns the text of the error of a check, or undefined. */
async function errorOf(check) {
  const controller = new AbortController();
  const late = async () => {
    await delay(LIMIT, undefined, { signal: controller.signal });
    throw new Error(`it took more than ${LIMIT} ms`);
  };
  try {
    await Promise.race([check(), late()]);
    return undefined;
  } catch (error) {
    return String(error?.stack ?? error);
  } finally {
    controller.abort();
  }
}

function isCovered(blocks, pages) {
  const keys = blocks.filter(({ check }) => check !== "libraries").map(({ page, key }) => `${page}: ${key}`);
  const expected = pages.flatMap(({ page, setups }) => Object.keys(setups).map((key) => `${page}: ${key}`));
  assert.deepEqual(keys.sort(), expected.sort());
}

/** Returns the checks of the types of all programs. The compiler does not ask for the types of parameters in JavaScript. */
function typeChecks(blocks, user) {
  const foreign = path.join(user, "readme", "foreign.d.ts");
  writeFileSync(foreign, FOREIGN);
  const check = (language, noImplicitAny) => {
    const programs = blocks.filter((block) => block.language === language);
    assert(programs.length > 0);
    for (const { file, setup, code } of programs) writeFileSync(file, `${setup?.types ?? ""}\n${code}\nexport {};\n`);
    const options = {
      ...{ noEmit: true, strict: true, exactOptionalPropertyTypes: true, noImplicitAny, types: [] },
      ...{ target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
      lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
    };
    const program = ts.createProgram([foreign, ...programs.map(({ file }) => file)], options);
    const errors = ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
      const block = programs.find((block) => block.file === file?.fileName);
      // The first line of the file has the declarations of the setup.
      const line = file ? file.getLineAndCharacterOfPosition(start).line - 1 : 0;
      return `${block ? `${block.page}:${block.line + line}` : file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
    });
    assert.equal(errors.join("\n"), "");
  };
  return { "the types of the JavaScript hold": () => check("js", false), "the types of the TypeScript hold": () => check("ts", true) };
}

/** Runs a program or opens a page, and checks the outcome. */
async function execute(block, setup, user) {
  for (const [name, text] of Object.entries(setup.files ?? {})) writeFileSync(path.join(user, name), text);
  if (block.language === "html") {
    const open = (head, program) => {
      writeFileSync(path.join(user, "visit.mjs"), program);
      return inChromium(user, { module: "./visit.mjs", base: "", name: "js-readme", head });
    };
    return setup.visit(block.code, open);
  }
  const given = setup.given?.() ?? {};
  const network = newNetwork(setup.answer ?? (() => assert.fail("the program must not send a request")));
  const printed = [];
  const restore = replaceGlobals({ ...given, fetch: network.fetch });
  const { log } = console;
  console.log = (...values) => void printed.push(format(...values));
  try {
    const values = await import(await written(block, setup, user));
    await setup.check({ values, printed, given, network, sent: network.sent });
  } finally {
    console.log = log;
    restore();
  }
}

/** Writes the program as a module that exports what it declares at its top level. Returns the URL of the module. */
async function written({ code, file, language }, { isAlone }, user) {
  const { code: script } = language === "ts" ? await transform(code, { loader: "ts" }) : { code };
  const names = declared(script).join(", ");
  const own = pathToFileURL(path.join(user, "node_modules/waterspout/dist/index.js")).href;
  const text = isAlone ? script.replaceAll('"waterspout"', `"${own}?${path.basename(file)}"`) : script;
  const module = file.replace(/\.ts$/, ".mjs");
  writeFileSync(module, `${text}\nexport { ${names} };\n`);
  return pathToFileURL(module).href;
}

/** Returns the names that a program declares at its top level and does not export. */
function declared(script) {
  const { statements } = ts.createSourceFile("program.js", script, ts.ScriptTarget.Latest);
  const names = (node) => {
    if (ts.isVariableStatement(node)) return node.declarationList.declarations.flatMap(({ name }) => names(name));
    if (ts.isObjectBindingPattern(node) || ts.isArrayBindingPattern(node)) return node.elements.flatMap(({ name }) => names(name));
    if (ts.isIdentifier(node)) return [node.text];
    return ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node) ? [node.name.text] : [];
  };
  const isExported = (node) => node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
  return statements.filter((node) => !isExported(node)).flatMap(names);
}

/** Sets members of the global object. Returns a function that sets the former values. */
function replaceGlobals(members) {
  const before = Object.keys(members).map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);
  for (const [name, value] of Object.entries(members)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
      else delete globalThis[name];
    }
  };
}
