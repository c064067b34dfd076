//! URL parsing by the engine: its tables need not be downloaded.

use super::failure::JsFailure;
use super::global::EngineUrl;

/// The normalized text of `input`, resolved against `base`, or why it is not a URL.
pub(crate) fn parse_url(input: &str, base: Option<&str>) -> Result<String, String> {
    let url = match base {
        Some(base) => EngineUrl::with_base(input, base),
        None => EngineUrl::new(input),
    };
    url.map(|url| url.href()).map_err(|thrown| JsFailure::from(thrown).to_string())
}
