/** The bundlers that make files of a page, and how each is called. What it is told beyond that is in its folder. */
import { copyFileSync, existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { copiesAre, isSilent, pageWorks } from "./facts.mjs";
import { html, serve } from "./pages.mjs";
import { run, start } from "./processes.mjs";
import { program, project } from "./projects.mjs";

/** The pages, and how often each fetches the module: the package has its own within, of the slim entry it is a file. */
const pages = { default: 0, slim: 1 };

const esbuild = (page) => ["esbuild", `${page}.js`, "--bundle", "--splitting", "--format=esm", "--minify", "--loader:.wasm=file", `--outdir=out/${page}`];
const parcel = (page) => ["parcel", "build", `${page}.html`, `--dist-dir=out/${page}`, "--no-source-maps", "--cache-dir=.cache"];

export const bundlers = {
  vite: built("vite", () => ["vite", "build"]),
  "vite-dev": viteDev,
  webpack: built("webpack", () => ["webpack"], "defer"),
  rspack: built("rspack", () => ["rspack", "build"], "defer"),
  rollup: built("rollup", () => ["rollup", "--config"]),
  esbuild: built("esbuild", esbuild),
  parcel: built("parcel", parcel),
};

/** A project with the HTML of its pages, whose scripts are modules unless `kind` says otherwise. */
function prepare({ projects, name }, bundler, kind = 'type="module"') {
  const cwd = project(projects, name, bundler);
  for (const page of Object.keys(pages)) writeFileSync(path.join(cwd, `${page}.html`), html(page, kind));
  return cwd;
}

/** Each page is built by itself, so that what was emitted for it is known; then it is served as files. */
function built(bundler, command, kind) {
  return async (matrix) => {
    const cwd = prepare(matrix, bundler, kind);
    for (const [page, modules] of Object.entries(pages)) {
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
      await matrix.check(`the ${page} page has ${modules} modules beside it`, () => copiesAre(modules, out));
      const server = await serve(out);
      await matrix.check(`the ${page} page works`, () => pageWorks(matrix, `${server.url}/${page}.html`, modules));
      server.stop();
    }
  };
}

/** Vite's development server bundles dependencies apart from the page, where nothing lies beside them. */
async function viteDev(matrix) {
  const cwd = prepare(matrix, "vite");
  for (const [page, modules] of Object.entries(pages)) {
    const server = await start([program(matrix.folder, "vite")], cwd, { PAGE: page });
    await matrix.check(`the ${page} page works`, () => pageWorks(matrix, `${server.url}/${page}.html`, modules));
    await matrix.check(`the ${page} page is served without a warning`, () => isSilent(server.said));
    server.stop();
  }
}
