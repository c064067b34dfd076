//! URL parsing by the `url` crate, where no engine brings its own.

use url::Url;

/// The normalized text of `input`, resolved against `base`, or why it is not a URL.
pub(crate) fn parse_url(input: &str, base: Option<&str>) -> Result<String, String> {
    let base = base.map(Url::parse).transpose().map_err(|error| error.to_string())?;
    let url = Url::options().base_url(base.as_ref()).parse(input).map_err(|error| error.to_string())?;
    Ok(url.into())
}
