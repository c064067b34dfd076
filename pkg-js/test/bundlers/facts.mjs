/** What must hold, whichever bundler it was. */
import { deepStrictEqual, strictEqual } from "node:assert";
import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import path from "node:path";
import { visit } from "./pages.mjs";
import { expected } from "./pages/program.mjs";

/** What a page or a route is asked: where the lab is, and a key there that nobody else has. */
export const query = (lab) => `?${new URLSearchParams({ lab, key: `bundlers-${randomUUID()}` })}`;

/** The page does with the package what it is for, and its console is silent; the module is fetched as often as `modules` says. */
export async function pageWorks({ browser, lab }, address, modules) {
  const found = await visit(browser, address + query(lab), lab);
  deepStrictEqual(found.outcome, expected);
  deepStrictEqual(found.complaints, [], "the page's console");
  strictEqual(found.modules.length, modules, `the page fetched ${found.modules.join(" and ") || "no module"}`);
}

/** A bundler that complains of nothing says none of these. */
export function isSilent(said) {
  strictEqual(/warn|error|deprecat|⚠/i.test(said), false, said);
}

/** How many copies of the module are among a folder's files. */
export function copiesAre(count, folder) {
  const files = readdirSync(folder, { recursive: true });
  const copies = files.filter((file) => path.extname(file) === ".wasm");
  strictEqual(copies.length, count, `emitted: ${files.join(" ")}`);
}
