/** Checks that apply to every bundler. */
import { deepStrictEqual, strictEqual } from "node:assert";
import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import path from "node:path";
import { visit } from "./pages.mjs";
import { expected } from "./pages/program.mjs";

/** Returns the query of a page or a route: the URL of the lab, and a unique key. */
export const query = (lab) => `?${new URLSearchParams({ lab, key: `bundlers-${randomUUID()}` })}`;

/** Checks that a page works, that its console is silent, and that it fetches the module `modules` times. */
export async function pageWorks({ browser, lab }, address, modules) {
  const found = await visit(browser, address + query(lab), lab);
  deepStrictEqual(found.outcome, expected);
  deepStrictEqual(found.complaints, [], "the page's console");
  strictEqual(found.modules.length, modules, `the page fetched ${found.modules.join(" and ") || "no module"}`);
}

/** Checks that the output of a bundler contains no warning. */
export function isSilent(said) {
  strictEqual(/warn|error|deprecat|⚠/i.test(said), false, said);
}

/** Checks the number of copies of the module in a folder. */
export function copiesAre(count, folder) {
  const files = readdirSync(folder, { recursive: true });
  const copies = files.filter((file) => path.extname(file) === ".wasm");
  strictEqual(copies.length, count, `emitted: ${files.join(" ")}`);
}
