//! A short list of public suffixes, in place of the list of the crate `psl`.
//!
//! The instrumented code of the whole list is four times as large as the rest of a target, and takes a minute to compile.
//! This list has a rule of each kind.

/// Suffixes. A name that matches no rule has its last label as its suffix, as in the crate.
const RULES: [&str; 3] = ["co.uk", "github.io", "xn--55qx5d.cn"];

/// A suffix below which each name is a suffix, and the exception.
const WILDCARD: &str = "ck";
const EXCEPTION: &str = "www.ck";

/// Returns the public suffix of `name`.
pub fn suffix_str(name: &str) -> Option<&str> {
    let starts = name.match_indices('.').map(|(at, _)| at + 1);
    let ends: Vec<&str> = [0].into_iter().chain(starts).map(|start| &name[start..]).collect();
    let last = ends.last().copied().filter(|label| !label.is_empty())?;
    if last == WILDCARD {
        return Some(if ends.contains(&EXCEPTION) { last } else { ends[ends.len().saturating_sub(2)] });
    }
    Some(ends.into_iter().find(|end| RULES.contains(end)).unwrap_or(last))
}
