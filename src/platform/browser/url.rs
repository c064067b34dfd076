//! URL parsing by the engine: its tables need not be downloaded.

use super::failure::JsFailure;
use super::global::{self, EngineUrl};
use crate::error::Source;

/// The normalized text of `input`, resolved against `base`, or why it is not a URL.
pub(crate) fn parse_url(input: &str, base: Option<&str>) -> Result<String, Source> {
    let url = match base {
        Some(base) => EngineUrl::with_base(input, base),
        None => EngineUrl::new(input),
    };
    let href = url.and_then(|url| global::get(url.as_ref(), "href"));
    let text = href.and_then(|href| href.as_string().ok_or_else(|| "the engine's URL has no text".into()));
    Ok(text.map_err(JsFailure::from)?)
}
