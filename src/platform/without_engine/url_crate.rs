//! Conversions between a URL and the type of the crate `url`, which parses here.

use crate::error::{Error, ErrorKind, Result};
use crate::message::url::Url;

/// Converts a URL of the crate `url`.
///
/// # Errors
/// [`UnsupportedScheme`](ErrorKind::UnsupportedScheme) for other schemes than `http` and `https`.
///
/// # Platform
/// In a browser the engine parses and the crate `url` is not linked: parse its `as_str()` there.
impl TryFrom<url::Url> for Url {
    type Error = Error;

    fn try_from(url: url::Url) -> Result<Self> {
        Self::parse(url.as_str())
    }
}

impl TryFrom<&url::Url> for Url {
    type Error = Error;

    fn try_from(url: &url::Url) -> Result<Self> {
        Self::parse(url.as_str())
    }
}

/// Converts a URL into the type of the crate `url`.
///
/// # Errors
/// None in practice: both types hold the normal form of the URL standard.
///
/// # Platform
/// Not in a browser, where the crate `url` is not linked.
impl TryFrom<&Url> for url::Url {
    type Error = Error;

    fn try_from(url: &Url) -> Result<Self> {
        Self::parse(url.as_str()).map_err(|error| {
            Error::request(ErrorKind::InvalidUrl, "the URL is not valid").with_source(error).with_url(url)
        })
    }
}

impl TryFrom<Url> for url::Url {
    type Error = Error;

    fn try_from(url: Url) -> Result<Self> {
        Self::try_from(&url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_both_types_are_the_same_text() {
        for text in ["http://h/", "https://u:p@[::1]:8080/a%20b?c=d#e", "http://xn--nxasmq6b.example/?"] {
            let theirs = url::Url::parse(text).unwrap();
            let ours = Url::try_from(&theirs).unwrap();
            assert_eq!(ours.as_str(), theirs.as_str());
            assert_eq!(url::Url::try_from(&ours).unwrap(), theirs);
            assert_eq!(
                (Url::try_from(theirs.clone()).unwrap(), url::Url::try_from(ours.clone()).unwrap()),
                (ours, theirs)
            );
        }
        let error = Url::try_from(url::Url::parse("mailto:a@example.com").unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedScheme);
    }

    #[test]
    fn request_takes_a_url_of_either_type() {
        let theirs = url::Url::parse("http://h/a").unwrap();
        assert_eq!(crate::Request::get(&theirs).build().unwrap().url().as_str(), "http://h/a");
        let uri = http::Uri::from_static("http://h/a");
        assert_eq!(crate::Request::get(uri).build().unwrap().url().as_str(), "http://h/a");
    }
}
