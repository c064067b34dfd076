/** Quantiles of a list of numbers. */

/**
 * Returns the smallest value that is not less than a given share of the values; undefined for an empty list.
 *
 * @param {number[]} sorted the values in ascending order
 * @param {number} share from 0 to 1
 * @returns {number | undefined}
 */
export function quantile(sorted, share) {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

/**
 * Sorts numbers in place, in ascending order.
 *
 * @param {number[]} values
 */
export function sortAscending(values) {
  return values.sort((a, b) => a - b);
}
