/** Checks of the values that callers pass as options. */

/** The largest number of requests: the core reads the next number as "no limit". */
export const MAX_COUNT = 0xffff_fffe;

/** The longest time in milliseconds, about 31 years. */
export const MAX_TIME = 1e12;

/** Checks the value of an option, and returns it merged over the value `before`. */
export type Rule = (name: string, value: any, before?: any) => unknown;

/** A rule for all members of an object. */
export type MemberRule = (path: string, value: any, before: any, member: string) => unknown;

/** Returns the error for an option of a wrong value. */
export function wrongValue(Class: ErrorConstructor, name: string, value: unknown, expected: string): Error {
  // The text of an object says nothing, and making it may throw.
  const shown = Object(value) === value ? `of type ${typeof value}` : typeof value === "string" ? `"${value}"` : String(value);
  return new Class(`${name} is ${shown}: it must be ${expected}`);
}

/** Returns `value` if its type is among `kinds`: a name of `typeof`, or of a class of the platform. Throws a TypeError if not. */
export function checkKind<T>(name: string, value: T, kinds: readonly string[], expected: string = `of type ${kinds.join(" or ")}`): T {
  if (kinds.includes(typeof value) && value !== null) return value;
  // Unlike `instanceof`, this accepts objects of other realms.
  if (kinds.includes(Object.prototype.toString.call(value).slice(8, -1))) return value;
  throw wrongValue(TypeError, name, value, expected);
}

/**
 * Returns `value` if it is a number from `min` to `max`: a time if `max` is `MAX_TIME` or more, else an integer. Throws a RangeError
 * if not.
 *
 * With `none`, `false` and `Infinity` are accepted as well: they mean no limit, and `none` is returned.
 */
export function checkNumber(name: string, value: unknown, min: number, max: number = MAX_COUNT, none?: number): number {
  if (none !== undefined && (value === false || value === Infinity)) return none;
  const isTime = max >= MAX_TIME;
  if (typeof value === "number" && value >= min && value <= max && (isTime || Number.isInteger(value))) return value;
  const orFalse = none === undefined ? "" : ", or false for no limit";
  throw wrongValue(RangeError, name, value, `a ${isTime ? "" : "whole "}number from ${min} to ${max}${orFalse}`);
}

/** Returns the array, or the single item as an array. Throws a TypeError for an item of another type than `type`. */
export function checkItems(name: string, value: any, type: string): any[] {
  return [value].flat().map((item) => checkKind(name, item, [type]));
}

/**
 * Returns the members of `given`, as `rule` returns them, over `before`. A member of the value `undefined` counts as absent.
 *
 * Throws a TypeError for a member that is not in `known`: an option with a wrong name must not silently do nothing.
 */
export function mergeMembers<T extends object>(
  name: string,
  given: unknown,
  before: T,
  known: readonly string[],
  rule: MemberRule,
  expected?: string,
): T {
  checkKind(name, given, ["object"], expected);
  const merged = { ...before } as Record<string, unknown>;
  for (const member of Object.keys(given as object)) {
    const value: unknown = (given as Record<string, unknown>)[member];
    if (value === undefined) continue;
    const path = `${name}.${member}`;
    if (!known.includes(member)) {
      const isOfQueue = /^max(Active|Queued)|^rateLimit/.test(member);
      const reason = isOfQueue ? "belongs to the queue, which `extend` shares: use `new Client`" : `is unknown; the members are ${known.join(", ")}`;
      throw new TypeError(`${path} ${reason}`);
    }
    merged[member] = rule(path, value, merged[member], member);
  }
  return merged as T;
}
