/** Adds pairs to the query of a URL, which stays as it is written. */

/** Returns `url` with `pairs` in its query. With `isDefault`, a pair whose name the query has already is left out. */
export function withPairs(url: string, pairs: readonly (readonly [string, string])[], isDefault: boolean): string {
  if (pairs.length === 0) return url;
  const [, path = "", query = "", fragment = ""] = /^([^?#]*)(?:\?([^#]*))?(#[^]*)?$/.exec(url) ?? [];
  const present = new URLSearchParams(isDefault ? query : "");
  const added = new URLSearchParams(pairs.filter(([name]) => !present.has(name)) as [string, string][]).toString();
  return added ? `${path}?${query}${query && "&"}${added}${fragment}` : url;
}
