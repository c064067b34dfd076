/**
 * A module's bytes as a JavaScript string.
 *
 * Modules are always read as UTF-8, so each byte can be a character of its own. That compresses nearly as well as the
 * bytes themselves (base64 costs a third more), because what repeats in the bytes still repeats in the text.
 */
import { gzipSync } from "node:zlib";

/** What stands in the code for the text, until the code is bundled. */
export const placeholder = "the module's bytes";

/**
 * The code that gives the bytes, and the text to be put into it.
 *
 * Which character stands for which byte is free, and decides what the code around the text and the text together weigh: gzip
 * has one table of frequencies for both. So the bytes are multiplied and shifted, which costs the reader nothing, by those numbers
 * that suit this code.
 */
export function bytesModule(bytes, around) {
  const counts = { text: countsOf(bytes), around: countsOf(new TextEncoder().encode(around)) };
  const maps = [];
  for (let factor = 1; factor < 256; factor += 2) {
    for (let shift = 0; shift < 256; shift++) maps.push({ factor, shift, cost: entropy(counts, factor, shift) });
  }
  maps.sort((one, other) => one.cost - other.cost);
  const sources = maps.slice(0, 64).map(({ factor, shift }) => ({ text: text(bytes, factor, shift), code: code(factor, shift) }));
  const size = (source) => gzipSync(around + source.text, { level: 9 }).length;
  return sources.reduce((best, next) => (size(next) < size(best) ? next : best));
}

function countsOf(bytes) {
  const counts = new Array(256).fill(0);
  for (const byte of bytes) counts[byte]++;
  return counts;
}

/** About how many bits there are in both texts if each byte of theirs is coded by how often it occurs. */
function entropy({ text, around }, factor, shift) {
  const counts = around.slice();
  text.forEach((count, byte) => {
    for (const part of utf8(escape((byte * factor + shift) % 256, 0))) counts[part] += count;
  });
  const all = counts.reduce((sum, count) => sum + count);
  return counts.reduce((bits, count) => bits - (count && count * Math.log2(count / all)), 0);
}

function utf8(characters) {
  return [...characters].map((character) => character.charCodeAt(0)).flatMap((code) => (code < 128 ? [code] : [192 | (code >> 6), 128 | (code & 63)]));
}

function text(bytes, factor, shift) {
  const codes = Array.from(bytes, (byte) => (byte * factor + shift) % 256);
  return codes.map((code, index) => escape(code, codes[index + 1] ?? 0)).join("");
}

/** An array of bytes takes of each number the lowest eight bits. */
function code(factor, shift) {
  const inverse = Array.from({ length: 256 }, (_, other) => other).find((other) => (other * factor) % 256 === 1);
  return `export function bytes() {
  return Uint8Array.from("${placeholder}", (character) => (character.charCodeAt(0) - ${shift}) * ${inverse});
}
`;
}

/** The characters that a template literal would not give back as they are. */
function escape(code, next) {
  const isDigit = next >= 48 && next <= 57;
  if (code === 0) return isDigit ? "\\x00" : "\\0";
  if (code === 13) return "\\r";
  if (code === 36 && next === 123) return "\\$";
  const character = String.fromCharCode(code);
  return character === "\\" || character === "`" ? `\\${character}` : character;
}
