/** The bundlers that make files of a page, and how each is called. What it is told beyond that is in its folder. */
import { copyFileSync, existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { copiesAre, isSilent, pageWorks } from "./facts.mjs";
import { html, serve } from "./pages.mjs";
import { run, start } from "./processes.mjs";
import { program, project } from "./projects.mjs";

/** The pages, and how many files each has with the module: the default entry has it within. */
const pages = { default: 0, slim: 1, beside: 1 };
/** Without those where `init()` alone finds nothing. */
const told = ["default", "slim"];

const esbuild = (page) => ["esbuild", `${page}.js`, "--bundle", "--minify", "--loader:.wasm=file", `--outdir=out/${page}`];
const chunks = ["--splitting", "--format=esm"];
const parcel = (page) => ["parcel", "build", `${page}.html`, `--dist-dir=out/${page}`, "--no-source-maps", "--cache-dir=.cache"];

export const bundlers = {
  vite: built("vite", () => ["vite", "build"]),
  "vite-dev": viteDev,
  webpack: built("webpack", () => ["webpack"], { script: "defer" }),
  rspack: built("rspack", () => ["rspack", "build"], { script: "defer" }),
  // These two follow imports and no `new URL`.
  rollup: built("rollup", () => ["rollup", "--config"], { only: told }),
  esbuild: built("esbuild", (page) => [...esbuild(page), ...chunks], { only: told }),
  // Its default: one script of the old kind, which cannot wait at its top level and has no second file.
  "esbuild-script": built("esbuild", esbuild, { script: "defer", only: told }),
  // Without a setting Parcel reads no `exports`, and so finds the main entry alone.
  parcel: built("parcel", parcel, { only: ["default"] }),
  "parcel-exports": built("parcel-exports", parcel),
};

/** A project with the HTML of its pages. */
function prepare({ projects, name }, bundler, script = 'type="module"') {
  const cwd = project(projects, name, bundler);
  for (const page of Object.keys(pages)) writeFileSync(path.join(cwd, `${page}.html`), html(page, script));
  return cwd;
}

/** Each page is built by itself, so that what was emitted for it is known; then it is served as files. */
function built(bundler, command, { script, only = Object.keys(pages) } = {}) {
  return async (matrix) => {
    const cwd = prepare(matrix, bundler, script);
    for (const page of only) {
      const modules = pages[page];
      const [tool, ...args] = command(page);
      const out = path.join(cwd, "out", page);
      let said;
      await matrix.check(`the ${page} page is built without a warning`, async () => {
        said = await run([program(matrix.folder, tool), ...args], cwd, { PAGE: page });
        isSilent(said);
      });
      if (said === undefined) continue;
      const file = path.join(out, `${page}.html`);
      if (!existsSync(file)) copyFileSync(path.join(cwd, `${page}.html`), file);
      await matrix.check(`the ${page} page has ${modules || "no"} module beside it`, () => copiesAre(modules, out));
      const server = await serve(out);
      await matrix.check(`the ${page} page works`, () => pageWorks(matrix, `${server.url}/${page}.html`, modules));
      server.stop();
    }
  };
}

/** Vite's development server bundles dependencies apart from the page, where nothing lies beside them. */
async function viteDev(matrix) {
  const cwd = prepare(matrix, "vite");
  for (const page of told) {
    const server = await start([program(matrix.folder, "vite")], cwd, { PAGE: page });
    await matrix.check(`the ${page} page works`, () => pageWorks(matrix, `${server.url}/${page}.html`, pages[page]));
    await matrix.check(`the ${page} page is served without a warning`, () => isSilent(server.said));
    server.stop();
  }
}
