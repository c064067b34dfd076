/**
 * Writes a module's bytes as a JavaScript string.
 *
 * The string is ASCII, so it survives every charset and every bundler as it is. Most bytes are a character each: patterns in the bytes
 * stay patterns in the text, which gzip finds. That is 7 percent more than the compressed bytes. Base64 hides the patterns and costs a third
 * more. Characters beyond ASCII cost 2 percent more, because a bundler writes each of them as an escape of four characters.
 */
import { gzipSync } from "node:zlib";
import { minified } from "./bundle.mjs";

/** The number of mappings that are compressed to find the smallest. */
const CANDIDATES = 64;

/** Codes below this number are a character each. The character with this code is a tilde, and each tilde before a character adds the number. */
const TILDE = 126;

/**
 * Returns the code of a module that exports the function `bytes`.
 *
 * The mapping from bytes to codes is free. It decides how small the text and the code around it become, because gzip has a
 * single table of frequencies for both. So each byte is multiplied by `factor` and shifted by `shift`, with the two numbers that give
 * the smallest download for this code.
 */
export async function bytesModule(bytes, surroundingCode) {
  const counts = { text: countBytes(bytes), code: countBytes(new TextEncoder().encode(surroundingCode)) };
  const mappings = [];
  // An even factor has no inverse.
  for (let factor = 1; factor < 256; factor += 2) {
    for (let shift = 0; shift < 256; shift++) mappings.push({ factor, shift, bits: estimateBits(counts, factor, shift) });
  }
  mappings.sort((left, right) => left.bits - right.bits);
  let best = { size: Infinity, code: "" };
  for (const { factor, shift } of mappings.slice(0, CANDIDATES)) {
    const code = moduleCode(encode(bytes, factor, shift), factor, shift);
    const size = gzipSync(surroundingCode + (await minified(code)), { level: 9 }).length;
    if (size < best.size) best = { size, code };
  }
  return best.code;
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
    for (const part of characters(map(byte, factor, shift))) counts[part] += count;
  });
  const total = counts.reduce((sum, count) => sum + count);
  return counts.reduce((bits, count) => bits - (count && count * Math.log2(count / total)), 0);
}

function map(byte, factor, shift) {
  return (byte * factor + shift) % 256;
}

/** Returns the codes of the characters that stand for a code. */
function characters(code) {
  return code < TILDE ? [code] : [TILDE, ...characters(code - TILDE)];
}

function encode(bytes, factor, shift) {
  const encoded = new Map();
  for (const byte of new Set(bytes)) encoded.set(byte, String.fromCharCode(...characters(map(byte, factor, shift))));
  return Array.from(bytes, (byte) => encoded.get(byte)).join("");
}

/** The array takes the lowest eight bits of each number, so no remainder is computed. */
function moduleCode(text, factor, shift) {
  const inverse = Array.from({ length: 256 }, (_, number) => number).find((number) => (number * factor) % 256 === 1);
  return `/** The bytes of the WebAssembly module. The file pkg-js/scripts/bytes.mjs of the repository wrote them as this text. */
const text = ${JSON.stringify(text)};

export function bytes() {
  const decode = (code) => (code.charCodeAt(code.length - 1) + ${TILDE} * (code.length - 1) - ${shift}) * ${inverse};
  return Uint8Array.from(text.match(/~*[^~]/g), decode);
}
`;
}
