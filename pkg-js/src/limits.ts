/** Options: checked, and merged over a client's. */
import type { FetchOptions, Rate, Timeouts } from "./types.js";

/** Time limits with nothing left open; 0 means none. */
export type Limits = Required<Timeouts>;

const names = ["queue", "head", "idle", "total"] as const;

export const noLimits: Limits = { queue: 0, head: 0, idle: 0, total: 0 };

/** The options that a client and a request have both. */
export const shared: readonly (keyof FetchOptions)[] = ["timeout", "priority", "retry", "throwHttpErrors", "onDownloadProgress", "onUploadProgress", "hooks"];

/** An option that nobody knows would silently do nothing. */
export function refuseUnknown(what: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new TypeError(`${what}.${unknown} is not known; there are: ${known.join(", ")}`);
}

/** A number within bounds, whole unless any will do. */
export function within(name: string, value: unknown, least: number, most = 0xffff_fffe, isWhole = true): number {
  if (typeof value === "number" && value >= least && value <= most && (!isWhole || Number.isInteger(value))) return value;
  throw new RangeError(`${name} is ${String(value)}: it must be a ${isWhole ? "whole " : ""}number from ${least} to ${most}`);
}

/** An object with known members, those alone that are set; or nothing. */
export function members<T extends object>(name: string, value: T | undefined, known: readonly (keyof T & string)[]): T | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "object" || value === null) throw new TypeError(`${name} is ${String(value)}: it must be an object`);
  refuseUnknown(name, value, known);
  return Object.fromEntries(Object.entries(value).filter(([, set]) => set !== undefined)) as T;
}

/** The limits that `timeout` sets, over `defaults`. */
export function limitsOver(timeout: number | Timeouts | undefined, defaults: Limits): Limits {
  const set = members("timeout", typeof timeout === "number" ? { total: timeout } : timeout, names);
  const limits = { ...defaults };
  for (const name of names) {
    const value = set?.[name];
    if (value !== undefined) limits[name] = within(`timeout.${name}`, value, 0, Infinity, false);
    // No end is no limit.
    if (limits[name] === Infinity) limits[name] = 0;
  }
  return limits;
}

/** A rate as the core takes it; zeros for none. */
export function rateNumbers(name: string, rate: Rate | undefined): [requests: number, per: number, burst: number] {
  if (!members(name, rate, ["requests", "per", "burst"])) return [0, 0, 0];
  const { requests, per, burst = requests } = rate as Rate;
  const count = within(`${name}.requests`, requests, 1);
  // Less than a nanosecond for each would limit nothing.
  return [count, within(`${name}.per`, per, count / 1e6, 1e12, false), within(`${name}.burst`, burst, 1)];
}
