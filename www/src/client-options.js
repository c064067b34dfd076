/** Turns the settings into client options. The page creates its client with these options and shows the same options as code. */

/**
 * The priority of a high-priority request. A priority step counts as ten seconds of waiting, so five steps are a lead of
 * 50 seconds. In a run shorter than that, no queued request of normal priority starts before a high-priority request.
 */
export const highPriority = 5;

/**
 * @param {import("./settings.js").Settings} settings
 * @returns {import("waterspout").ClientOptions}
 */
export function clientOptions({ maxActive, maxActivePerOrigin, maxQueued, rate, timeout, attempts, baseDelay }) {
  return {
    maxActive,
    ...(maxActivePerOrigin && { maxActivePerOrigin }),
    ...(maxQueued !== undefined && { maxQueued }),
    ...(rate && { rateLimit: rate }),
    ...(attempts > 1 && { retry: { attempts, baseDelay } }),
    ...(Object.keys(timeout).length > 0 && { timeout }),
  };
}

/** @param {import("./request-spec.js").RequestSpec} spec */
export function priorityOf({ isHighPriority }) {
  return isHighPriority ? highPriority : 0;
}
