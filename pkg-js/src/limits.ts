/** Options: checked, and merged over a client's. */
import type { FetchOptions, Rate, Timeouts } from "./types.js";

/** Time limits with nothing left open; 0 means none. */
export type Limits = Required<Timeouts>;

const names = ["queue", "head", "idle", "total"] as const;

export const noLimits: Limits = { queue: 0, head: 0, idle: 0, total: 0 };

/** The options that a client and a request have both. */
export const shared: readonly (keyof FetchOptions)[] = ["timeout", "priority", "retry", "throwHttpErrors", "onDownloadProgress", "onUploadProgress", "hooks"];

/** A number within bounds, whole unless any will do. */
export function within(name: string, value: unknown, least: number, most = 0xffff_fffe, isWhole = true): number {
  if (typeof value === "number" && value >= least && value <= most && (!isWhole || Number.isInteger(value))) return value;
  throw new RangeError(`${name} is ${String(value)}: it must be a ${isWhole ? "whole " : ""}number from ${least} to ${most}`);
}

/** The members that are set. One that nobody knows would silently do nothing. */
export function members<T extends object>(name: string, value: T | undefined, known: readonly (keyof T & string)[]): Partial<T> {
  if (value !== undefined && (typeof value !== "object" || value === null)) throw new TypeError(`${name} is ${String(value)}: it must be an object`);
  const entries = Object.entries(value ?? {}).filter(([, set]) => set !== undefined);
  const unknown = entries.find(([member]) => !(known as readonly string[]).includes(member));
  if (unknown) throw new TypeError(`${name}.${unknown[0]} is not known; there are: ${known.join(", ")}`);
  return Object.fromEntries(entries) as Partial<T>;
}

/** The limits that `timeout` sets, over `defaults`. */
export function limitsOver(timeout: number | Timeouts | undefined, defaults: Limits): Limits {
  const limits = { ...defaults, ...members("timeout", typeof timeout === "number" ? { total: timeout } : timeout, names) };
  for (const name of names) {
    // No end is no limit.
    if (within(`timeout.${name}`, limits[name], 0, Infinity, false) === Infinity) limits[name] = 0;
  }
  return limits;
}

/** A rate as the core takes it; zeros for none. */
export function rateNumbers(name: string, rate: Rate | undefined): [requests: number, per: number, burst: number] {
  const { requests, per, burst = requests } = members(name, rate, ["requests", "per", "burst"]);
  if (!rate) return [0, 0, 0];
  const count = within(`${name}.requests`, requests, 1);
  // Less than a nanosecond for each would limit nothing.
  return [count, within(`${name}.per`, per, count / 1e6, 1e12, false), within(`${name}.burst`, burst, 1)];
}
