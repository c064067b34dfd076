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
