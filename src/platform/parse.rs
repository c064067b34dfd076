//! URL parsing by the `url` crate, on platforms without a JavaScript engine.

use url::Url;

/// Returns the normalized text of `input`, resolved against `base`.
///
/// # Errors
/// The reason why `input` is not a URL.
pub(crate) fn parse_url(input: &str, base: Option<&str>) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let base = base.map(Url::parse).transpose()?;
    Ok(Url::options().base_url(base.as_ref()).parse(input)?.into())
}

/// Returns the normalized text of `input`, the URL of a request. There is no page, so it must be absolute.
///
/// # Errors
/// As [`parse_url`].
pub(crate) fn resolve_url(input: &str) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    parse_url(input, None)
}
