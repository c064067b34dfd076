/** Formats numbers for the page. */

/**
 * Formats a time with a tenth of a second; from a minute on, as minutes and whole seconds.
 *
 * @param {number} milliseconds
 */
export function formatSeconds(milliseconds) {
  return milliseconds < 60_000
    ? `${(milliseconds / 1000).toFixed(1)} s`
    : `${Math.floor(milliseconds / 60_000)} min ${Math.floor((milliseconds % 60_000) / 1000)} s`;
}

/**
 * Formats a time with three significant digits: milliseconds below 1 s, hundredths below 10 s, then as `formatSeconds`
 * does.
 *
 * @param {number} milliseconds
 */
export function formatDuration(milliseconds) {
  // The limits are the values that would round up to 1000 ms and to 10.00 s.
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  return milliseconds < 9_995 ? `${(milliseconds / 1000).toFixed(2)} s` : formatSeconds(milliseconds);
}

/**
 * Formats a byte count as B, KiB or MiB.
 *
 * @param {number} count
 */
export function formatBytes(count) {
  if (count < 1024) return `${Math.round(count)} B`;
  if (count < 1024 * 1024) return `${Math.round(count / 1024)} KiB`;
  return `${(count / 1024 / 1024).toFixed(1)} MiB`;
}
