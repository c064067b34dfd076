/** Checks of the values that callers pass as options. */

/** The largest number of requests: the core reads the next number as "no limit". */
const MAX_COUNT = 0xffff_fffe;

/** The longest time in milliseconds, about 31 years. */
export const MAX_TIME = 1e12;

/** Returns `value` if it is a number from `min` to `max`, and an integer if `isWhole` is true. Throws a RangeError if not. */
export function checkNumber(name: string, value: unknown, min: number, max: number = MAX_COUNT, isWhole = true): number {
  if (typeof value === "number" && value >= min && value <= max && (!isWhole || Number.isInteger(value))) return value;
  throw new RangeError(`${name} is ${String(value)}: it must be a ${isWhole ? "whole " : ""}number from ${min} to ${max}`);
}

/**
 * Returns the members of `value` that are not undefined.
 *
 * Throws a TypeError for a member that is not in `known`: an option with a wrong name must not silently do nothing.
 */
export function checkMembers<T extends object>(name: string, value: T | undefined, known: readonly (keyof T & string)[]): Partial<T> {
  if (value !== undefined && (typeof value !== "object" || value === null)) throw new TypeError(`${name} is ${String(value)}: it must be an object`);
  const entries = Object.entries(value ?? {}).filter(([, set]) => set !== undefined);
  const unknown = entries.find(([member]) => !(known as readonly string[]).includes(member));
  if (unknown) throw new TypeError(`${name}.${unknown[0]} is unknown; the members are ${known.join(", ")}`);
  return Object.fromEntries(entries) as Partial<T>;
}
