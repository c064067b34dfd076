//! URL parsing by the `url` crate, on platforms without a JavaScript engine.

use url::Url;

/// Returns the normalized text of `input`, resolved against `base`.
///
/// # Errors
/// The reason why `input` is not a URL.
pub(crate) fn parse_url(input: &str, base: Option<&str>) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let base = base.map(Url::parse).transpose()?;
    match &base {
        // The crate sees an empty host behind the second slash. It reads the same slashes behind a scheme correctly.
        Some(base) if has_more_than_two_slashes(input) => {
            Ok(Url::parse(&format!("{}:{}", base.scheme(), input.trim_start_matches(is_trimmed)))?.into())
        }
        base => Ok(Url::options().base_url(base.as_ref()).parse(input)?.into()),
    }
}

/// Returns whether `input` begins with more than two slashes, all of which come before a host (URL standard, "special
/// authority ignore slashes state").
fn has_more_than_two_slashes(input: &str) -> bool {
    // The parser removes these characters anywhere.
    let characters = input.trim_start_matches(is_trimmed).chars().filter(|it| !matches!(it, '\t' | '\n' | '\r'));
    characters.take_while(|it| matches!(it, '/' | '\\')).nth(2).is_some()
}

/// Returns whether the parser removes this character at the beginning of a URL.
fn is_trimmed(character: char) -> bool {
    character <= ' '
}

/// Returns the normalized text of `input`, the URL of a request. There is no page, so it must be absolute.
///
/// # Errors
/// As [`parse_url`].
pub(crate) fn resolve_url(input: &str) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    parse_url(input, None)
}
