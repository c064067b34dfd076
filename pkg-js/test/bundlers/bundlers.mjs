/** The bundlers that build pages, and their commands. Each bundler's configuration is in its folder. */
import { copyFileSync, existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { copiesAre, isSilent, pageWorks } from "./facts.mjs";
import { html, serve } from "./pages.mjs";
import { run, start } from "./processes.mjs";
import { program, project } from "./projects.mjs";

/** The pages, and the number of their files with the module. The default entry contains the module. */
const pages = { default: 0, slim: 1, beside: 1 };
/** The pages that work where `init()` without an argument finds no module. */
const withoutBeside = ["default", "slim"];

const esbuild = (page) => ["esbuild", `${page}.js`, "--bundle", "--minify", "--loader:.wasm=file", `--outdir=out/${page}`];
const chunks = ["--splitting", "--format=esm"];
const parcel = (page) => ["parcel", "build", `${page}.html`, `--dist-dir=out/${page}`, "--no-source-maps", "--cache-dir=.cache"];

export const bundlers = {
  vite: built("vite", () => ["vite", "build"]),
  "vite-dev": viteDev,
  webpack: built("webpack", () => ["webpack"], { script: "defer" }),
  rspack: built("rspack", () => ["rspack", "build"], { script: "defer" }),
  // These two follow imports, but not `new URL`.
  rollup: built("rollup", () => ["rollup", "--config"], { only: withoutBeside }),
  esbuild: built("esbuild", (page) => [...esbuild(page), ...chunks], { only: withoutBeside }),
  // The default of esbuild: a classic script, which has no top-level await and no second file.
  "esbuild-script": built("esbuild", esbuild, { script: "defer", only: withoutBeside }),
  // Without a setting, Parcel ignores `exports` and finds only the main entry.
  parcel: built("parcel", parcel, { only: ["default"] }),
  "parcel-exports": built("parcel-exports", parcel),
};

/** Makes a project with the HTML of its pages. */
function prepare({ projects, name }, bundler, script = 'type="module"') {
  const cwd = project(projects, name, bundler);
  for (const page of Object.keys(pages)) writeFileSync(path.join(cwd, `${page}.html`), html(page, script));
  return cwd;
}

/** Builds each page separately, so that its files are known, and serves the files. */
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

/** Tests Vite's development server. It bundles dependencies apart from the page, so no module is beside them. */
async function viteDev(matrix) {
  const cwd = prepare(matrix, "vite");
  for (const page of withoutBeside) {
    const server = await start([program(matrix.folder, "vite")], cwd, { PAGE: page });
    await matrix.check(`the ${page} page works`, () => pageWorks(matrix, `${server.url}/${page}.html`, pages[page]));
    await matrix.check(`the ${page} page is served without a warning`, () => isSilent(server.said));
    server.stop();
  }
}
