//! URL parsing by the `url` crate, where no engine brings its own.

use url::Url;

/// The normalized text of `input`, resolved against `base`, or why it is not a URL.
pub(crate) fn parse_url(input: &str, base: Option<&str>) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let base = base.map(Url::parse).transpose()?;
    Ok(Url::options().base_url(base.as_ref()).parse(input)?.into())
}
