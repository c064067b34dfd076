/** Time limits: checked, and merged over a client's. */
import type { Timeouts } from "./types.js";

/** Time limits with nothing left open; 0 means none. */
export type Limits = Required<Timeouts>;

const none: Limits = { queue: 0, head: 0, total: 0 };

/** The limits that `timeout` sets, over `defaults`. */
export function limitsOver(timeout: number | Timeouts | undefined, defaults: Limits = none): Limits {
  if (timeout === undefined) return defaults;
  const set = typeof timeout === "number" ? { total: timeout } : timeout;
  const limits = { ...defaults };
  for (const name of ["queue", "head", "total"] as const) {
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
