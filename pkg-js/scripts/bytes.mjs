/**
 * Writes a module's bytes as a JavaScript string.
 *
 * Engines always read modules as UTF-8, so each byte can be a character of its own. That is a few percent more than the
 * compressed bytes, because patterns in the bytes stay patterns in the text. Base64 costs a third more.
 */
import { gzipSync } from "node:zlib";

/** The number of mappings that are compressed to find the smallest. */
const CANDIDATES = 64;

const ZERO = 0;
const CARRIAGE_RETURN = 13;
const DOLLAR = 36;
const DIGIT_0 = 48;
const DIGIT_9 = 57;
const BRACE = 123;

/**
 * Returns the code of a module that exports the function `bytes`.
 *
 * The mapping from bytes to characters is free. It decides how small the text and the code around it become, because gzip has a
 * single table of frequencies for both. So each byte is multiplied by `factor` and shifted by `shift`, with the two numbers that give
 * the smallest result for this code. That saves 743 bytes, and costs nothing when the bytes are read.
 */
export function bytesModule(bytes, surroundingCode) {
  const counts = { text: countBytes(bytes), code: countBytes(new TextEncoder().encode(surroundingCode)) };
  const mappings = [];
  // An even factor has no inverse.
  for (let factor = 1; factor < 256; factor += 2) {
    for (let shift = 0; shift < 256; shift++) mappings.push({ factor, shift, bits: estimateBits(counts, factor, shift) });
  }
  mappings.sort((left, right) => left.bits - right.bits);
  const candidates = mappings.slice(0, CANDIDATES).map(({ factor, shift }) => {
    const text = encode(bytes, factor, shift);
    return { code: moduleCode(text, factor, shift), size: gzipSync(surroundingCode + text, { level: 9 }).length };
  });
  return candidates.reduce((best, next) => (next.size < best.size ? next : best)).code;
}

function countBytes(bytes) {
  const counts = new Array(256).fill(0);
  for (const byte of bytes) counts[byte]++;
  return counts;
}

/** Returns the number of bits in text and code if the frequency of each byte decides the length of its code: the entropy. */
function estimateBits({ text, code }, factor, shift) {
  const counts = code.slice();
  text.forEach((count, byte) => {
    for (const part of utf8(escape(map(byte, factor, shift), ZERO))) counts[part] += count;
  });
  const total = counts.reduce((sum, count) => sum + count);
  return counts.reduce((bits, count) => bits - (count && count * Math.log2(count / total)), 0);
}

function utf8(text) {
  return [...new TextEncoder().encode(text)];
}

function map(byte, factor, shift) {
  return (byte * factor + shift) % 256;
}

function encode(bytes, factor, shift) {
  const codes = Array.from(bytes, (byte) => map(byte, factor, shift));
  return codes.map((code, index) => escape(code, codes[index + 1] ?? ZERO)).join("");
}

/** The array takes the lowest eight bits of each number, so no remainder is computed. */
function moduleCode(text, factor, shift) {
  const inverse = Array.from({ length: 256 }, (_, number) => number).find((number) => (number * factor) % 256 === 1);
  return `export function bytes() {
  return Uint8Array.from(\`${text}\`, (character) => (character.charCodeAt(0) - ${shift}) * ${inverse});
}
`;
}

/** Returns a character as it stands in a template literal. `next` is the code of the next character. */
function escape(code, next) {
  const isDigitNext = next >= DIGIT_0 && next <= DIGIT_9;
  if (code === ZERO) return isDigitNext ? "\\x00" : "\\0";
  if (code === CARRIAGE_RETURN) return "\\r";
  if (code === DOLLAR && next === BRACE) return "\\$";
  const character = String.fromCharCode(code);
  return character === "\\" || character === "`" ? `\\${character}` : character;
}
