//! URL parsing by the engine, which saves the download of a parser and its tables.

use super::global::{self, EngineUrl};
use super::js_failure::JsFailure;
use crate::error::Source;

/// Returns the normalized text of `input`, resolved against `base`.
///
/// # Errors
/// The reason why `input` is not a URL.
pub(crate) fn parse_url(input: &str, base: Option<&str>) -> Result<String, Source> {
    let url = match base {
        Some(base) => EngineUrl::with_base(input, base),
        None => EngineUrl::new(input),
    };
    let href = url.and_then(|url| global::get(url.as_ref(), "href"));
    let text = href.and_then(|href| href.as_string().ok_or_else(|| "the engine's URL has no text".into()));
    Ok(text.map_err(JsFailure::from)?)
}
