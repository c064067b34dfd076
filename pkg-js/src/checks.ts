/** Checks of the values that callers pass as options. */

/** The largest number of requests: the core reads the next number as "no limit". */
export const MAX_COUNT = 0xffff_fffe;

/** The longest time in milliseconds, about 31 years. */
export const MAX_TIME = 1e12;

/** A kind of values: a test, and the words for it in an error. */
export type Kind = readonly [test: (value: unknown) => boolean, expected: string];

export const OBJECT: Kind = [(value) => typeof value === "object" && value !== null, "an object"];
export const FUNCTION: Kind = [(value) => typeof value === "function", "a function"];

/** Returns the text of the error for an option of a wrong value. */
export function wrongValue(name: string, value: unknown, expected: string): string {
  // The text of an object says nothing, and making it may throw.
  const shown = typeof value === "string" ? `"${value}"` : Object(value) === value ? `of type ${typeof value}` : String(value);
  return `${name} is ${shown}: it must be ${expected}`;
}

/** Returns `value` if it is of the kind. Throws a TypeError if not. */
export function checkKind<T>(name: string, value: T, [test, expected]: Kind): T {
  if (test(value)) return value;
  throw new TypeError(wrongValue(name, value, expected));
}

/** Returns `value` if it is a number from `min` to `max`, and an integer if `isWhole` is true. Throws a RangeError if not. */
export function checkNumber(name: string, value: unknown, min: number, max: number = MAX_COUNT, isWhole = true): number {
  if (typeof value === "number" && value >= min && value <= max && (!isWhole || Number.isInteger(value))) return value;
  throw new RangeError(wrongValue(name, value, `a ${isWhole ? "whole " : ""}number from ${min} to ${max}`));
}

/** Returns `none` for `false` and `Infinity`, which mean no limit, and other values as `checkNumber` does. */
export function checkLimit(name: string, value: unknown, min: number, none: number, isWhole = true): number {
  if (value === false || value === Infinity) return none;
  try {
    return checkNumber(name, value, min, isWhole ? MAX_COUNT : Infinity, isWhole);
  } catch (error) {
    (error as Error).message += ", or false for no limit";
    throw error;
  }
}

/**
 * Returns `value` if it is an object whose members are in `known`.
 *
 * Throws a TypeError for another member: an option with a wrong name must not silently do nothing. A member of the value `undefined`
 * counts as absent.
 */
export function checkMembers<T>(name: string, value: T, known: readonly string[], expected: string = OBJECT[1]): T & object {
  checkKind(name, value, [OBJECT[0], expected]);
  for (const [member, set] of Object.entries(value as object)) {
    if (set === undefined || known.includes(member)) continue;
    const isOfQueue = /^(max(Active|Queued)|rateLimit)/.test(member);
    throw new TypeError(
      `${name}.${member} ${isOfQueue ? "belongs to the queue, which clients of `extend` and requests share: set it in `new Client`" : `is unknown; the members are ${known.join(", ")}`}`,
    );
  }
  return value as T & object;
}
