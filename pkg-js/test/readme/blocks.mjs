/** Finds the code blocks and the tables of the README. */

/** The languages of the blocks that are programs. */
const PROGRAMS = ["js", "ts", "html"];

/** The comment before a block: the name of its setup, or another check. Without it, the heading is the name. */
const MARK = /^<!-- (setup|check): (.+) -->$/;

/**
 * Returns the programs of the text: `{ key, language, code, line }`, with the number of the block's first line.
 *
 * `check` is `libraries` for a block that runs in the suite js-libraries.
 */
export function codeBlocks(markdown) {
  const lines = markdown.split("\n");
  const blocks = [];
  let heading = "";
  let open;
  for (const [index, line] of lines.entries()) {
    if (open) {
      if (line !== "```") open.lines.push(line);
      else {
        const { lines: code, ...block } = open;
        if (PROGRAMS.includes(block.language)) blocks.push({ ...block, code: code.join("\n") });
        open = undefined;
      }
    } else if (line.startsWith("```")) {
      const [, kind, name] = MARK.exec(lines[index - 1] ?? "") ?? [];
      open = { key: kind === "setup" ? name : heading, check: kind === "check" ? name : undefined, language: line.slice(3), line: index + 2, lines: [] };
    } else if (/^#+ /.test(line)) {
      heading = line.replace(/^#+ /, "");
    }
  }
  return blocks;
}

/** Returns the rows of the tables under a heading: each row is a list of cells. Rows of headers and rules are left out. */
export function tableRows(markdown, heading) {
  const level = new RegExp(`^#+ ${heading}\n`, "m").exec(markdown);
  if (!level) throw new Error(`the README has no heading "${heading}"`);
  const [section] = markdown.slice(level.index + level[0].length).split(/^#/m);
  const tables = section.match(/(^\|.*\n)+/gm) ?? [];
  return tables.map((table) => {
    const [head, , ...rows] = table.trim().split("\n").map(cells);
    return { head, rows };
  });
}

/** Returns the cells of a row. A bar in a code span is part of its cell. */
function cells(row) {
  return (row.slice(1, -1).match(/(`[^`]*`|[^|`])+/g) ?? []).map((cell) => cell.trim());
}

/** Returns the names in a cell: the first words of its code spans. */
export function namesIn(cell) {
  return [...cell.matchAll(/`(\w+)[^`]*`/g)].map(([, name]) => name);
}
