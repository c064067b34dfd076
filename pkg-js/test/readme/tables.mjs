/** Compares the tables of the README with the package: names of options, defaults that are numbers or words, and sizes. Checks links. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import ts from "typescript";
import { bundled } from "../../scripts/bundle.mjs";
import { namesIn, tableRows } from "./blocks.mjs";

/** The largest difference between a size in the table and the size of the package, in KB. */
const SIZE_STEP = 0.3;

/** A default that the table repeats as it is. */
const LITERAL = /^(\d+|Infinity|true|false)$/;

/** The tables of options: the heading, the file, and the interfaces whose members the table lists. */
const OPTIONS = [
  ["What each time limit covers", "types", ["Timeouts"]],
  ["Options of a client", "types", ["ClientOptions", "ExtendOptions"]],
  ["Options of a request", "types", ["FetchOptions"]],
  ["Options of the shortcuts", "types", ["ShortcutInit", "WaterspoutInit"]],
  ["Retry options", "types", ["RetryOptions"]],
  ["Hooks", "types", ["Hooks"]],
  ["Options of events", "events", ["EventsInit"]],
];

/** Returns the checks of all tables. `dist` is the folder of the declarations. */
export function tableChecks(markdown, dist) {
  const checks = {};
  for (const [heading, file, names] of OPTIONS) {
    checks[`the table "${heading}" has each option`] = () => {
      const declared = names.flatMap((name) => members(dist, file, name));
      const [{ head, rows }] = tableRows(markdown, heading);
      assert.deepEqual(rows.flatMap(([cell]) => namesIn(cell)).sort(), declared.map(({ name }) => name).sort());
      const column = head.indexOf("Default");
      if (column < 0) return;
      for (const { name, byDefault } of declared) {
        const row = rows.find(([cell]) => namesIn(cell).includes(name));
        if (LITERAL.test(byDefault)) assert.equal(row[column].replaceAll("`", ""), byDefault, `the default of ${name}`);
      }
    };
  }
  checks["the table of methods has each method"] = () => {
    const [methods] = tableRows(markdown, "Methods");
    const listed = methods.rows.flatMap(([cell]) => namesIn(cell));
    assert.deepEqual(listed.sort(), members(dist, "client", "Client").map(({ name }) => name).sort());
  };
  checks["the tables of errors have each code and member"] = () => {
    const [codes, details] = tableRows(markdown, "Errors");
    const [, list] = /type ErrorCode =([^;]+);/.exec(read(dist, "errors"));
    assert.deepEqual(codes.rows.flatMap(([cell]) => namesIn(cell)).sort(), [...list.matchAll(/"(\w+)"/g)].map(([, code]) => code).sort());
    const known = members(dist, "errors", "WaterspoutError").map(({ name }) => name).filter((name) => !["name", "code"].includes(name));
    assert.deepEqual(details.rows.flatMap(([cell]) => namesIn(cell)).sort(), [...known, "cause"].sort());
  };
  checks["the table of sizes is right"] = async () => {
    const [{ rows }] = tableRows(markdown, "Size");
    for (const [entry, file] of Object.entries({ waterspout: "index", "waterspout/slim": "slim", "waterspout/events": "events" })) {
      const [, listed] = rows.find(([cell]) => cell.startsWith(`\`${entry}\``));
      const kilobytes = gzipSync(await bundled(path.join(dist, `${file}.js`)), { level: 9 }).length / 1024;
      assert(Math.abs(kilobytes - Number(listed)) <= SIZE_STEP, `${entry} has ${kilobytes.toFixed(1)} KB, and the table says ${listed}`);
    }
  };
  checks["each link within the README leads to a heading"] = () => {
    const headings = [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading.toLowerCase().replace(/[^\w -]/g, "").replaceAll(" ", "-"));
    const links = [...markdown.matchAll(/\]\(#([^)]+)\)/g)].map(([, link]) => link);
    assert(links.length > 0);
    assert.deepEqual(links.filter((link) => !headings.includes(link)), []);
  };
  return checks;
}

const read = (dist, file) => readFileSync(path.join(dist, `${file}.d.ts`), "utf8");

/** Returns the public members of an interface or a class, with the text of their tag `@default`. */
function members(dist, file, name) {
  const source = ts.createSourceFile(file, read(dist, file), ts.ScriptTarget.Latest, true);
  const declaration = source.statements.find((statement) => statement.name?.text === name);
  const named = declaration.members.filter((member) => member.name && ts.isIdentifier(member.name));
  return named.map((member) => {
    const tag = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === "default");
    return { name: member.name.text, byDefault: String(tag?.comment ?? "") };
  });
}
