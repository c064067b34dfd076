/** Numbers, as the page writes them. */

/** @param {number} milliseconds */
export function seconds(milliseconds) {
  return milliseconds < 60_000
    ? `${(milliseconds / 1000).toFixed(1)} s`
    : `${Math.floor(milliseconds / 60_000)} min ${Math.floor((milliseconds % 60_000) / 1000)} s`;
}

/** @param {number} milliseconds */
export function exact(milliseconds) {
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  return milliseconds < 9_995 ? `${(milliseconds / 1000).toFixed(2)} s` : seconds(milliseconds);
}

/** @param {number} count */
export function bytes(count) {
  if (count < 1024) return `${Math.round(count)} B`;
  if (count < 1024 * 1024) return `${Math.round(count / 1024)} KiB`;
  return `${(count / 1024 / 1024).toFixed(1)} MiB`;
}
