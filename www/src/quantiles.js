/** How long things took, of many. */

/**
 * The value that this share of the values does not pass; nothing of none.
 *
 * @param {number[]} sorted
 * @param {number} share from 0 to 1
 * @returns {number | undefined}
 */
export function quantile(sorted, share) {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

/** @param {number[]} values */
export function ascending(values) {
  return values.sort((one, other) => one - other);
}
