/** Time limits: checked, and merged over a client's. */
import type { Timeouts } from "./types.js";

/** Time limits with nothing left open; 0 means none. */
export type Limits = Required<Timeouts>;

const names = ["queue", "head", "total"] as const;

const none: Limits = { queue: 0, head: 0, total: 0 };

/** An option that nobody knows would silently do nothing. */
export function refuseUnknown(what: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new TypeError(`${what}.${unknown} is not known; there are: ${known.join(", ")}`);
}

/** The limits that `timeout` sets, over `defaults`. */
export function limitsOver(timeout: number | Timeouts | undefined, defaults: Limits = none): Limits {
  if (timeout === undefined) return defaults;
  if (typeof timeout !== "number" && (typeof timeout !== "object" || timeout === null)) {
    throw new TypeError(`timeout is ${String(timeout)}: it must be a number of milliseconds, or an object of such numbers`);
  }
  const set = typeof timeout === "number" ? { total: timeout } : timeout;
  refuseUnknown("timeout", set, names);
  const limits = { ...defaults };
  for (const name of names) {
    const milliseconds = set[name];
    if (milliseconds === undefined) continue;
    if (typeof milliseconds !== "number" || !(milliseconds >= 0)) {
      throw new RangeError(`timeout.${name} is ${String(milliseconds)}: it must be a number of milliseconds, 0 for none`);
    }
    // No end is no limit.
    limits[name] = milliseconds === Infinity ? 0 : milliseconds;
  }
  return limits;
}
