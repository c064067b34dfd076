/** What the settings mean for a client: the very options that it is made with, and that the page shows as code. */

/** A step is worth ten seconds of waiting: those of higher priority are never overtaken while anybody watches. */
const high = 5;

/**
 * @param {import("./settings.js").Settings} settings
 * @returns {import("waterspout").ClientOptions}
 */
export function optionsOf({ maxActive, maxActivePerOrigin, maxQueued, rate, timeout, attempts, baseDelay }) {
  return {
    maxActive,
    ...(maxActivePerOrigin && { maxActivePerOrigin }),
    ...(maxQueued !== undefined && { maxQueued }),
    ...(rate && { rateLimit: rate }),
    ...(attempts > 1 && { retry: { attempts, baseDelay } }),
    ...(Object.keys(timeout).length > 0 && { timeout }),
  };
}

/** @param {{ isHigh: boolean }} plan */
export function priorityOf({ isHigh }) {
  return isHigh ? high : 0;
}
