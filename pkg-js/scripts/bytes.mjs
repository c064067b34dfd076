/**
 * A module's bytes as a JavaScript string.
 *
 * Modules are always read as UTF-8, so each byte can be a character of its own. That compresses nearly as well as the
 * bytes themselves (base64 costs a third more), because what repeats in the bytes still repeats in the text.
 */
import { gzipSync } from "node:zlib";

/** What stands in the code for the text, until the code is bundled. */
export const placeholder = "the module's bytes";

/** The code that gives the bytes, and the text to be put into it; of all shifts of the bytes the one that compresses best: it decides
 * which of them take two bytes in UTF-8. */
export function bytesModule(bytes) {
  const shifts = Array.from({ length: 16 }, (_, index) => index * 16);
  const sources = shifts.map((shift) => ({ text: text(bytes, shift), code: code(shift) }));
  const size = (source) => gzipSync(source.text, { level: 9 }).length;
  return sources.reduce((best, next) => (size(next) < size(best) ? next : best));
}

function text(bytes, shift) {
  return Array.from(bytes, (byte, index) => escape((byte + shift) % 256, ((bytes[index + 1] ?? 0) + shift) % 256)).join("");
}

function code(shift) {
  return `export function bytes() {
  return Uint8Array.from("${placeholder}", (character) => character.charCodeAt(0) - ${shift});
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
