//! Conversions between a URL and the `Uri` of the crate `http`.

use http::Uri;

use super::Url;
use crate::error::{Error, ErrorKind, Result};

/// Converts an absolute URI. A relative URI, such as `/path`, is not a URL: [`Url::join`] resolves it.
///
/// # Examples
///
/// ```
/// use waterspout::Url;
/// use waterspout::http::Uri;
///
/// let uri = Uri::from_static("http://example.com/a?b");
/// assert_eq!(Url::try_from(uri)?.as_str(), "http://example.com/a?b");
/// assert!(Url::try_from(Uri::from_static("/a")).is_err());
/// # Ok::<(), waterspout::Error>(())
/// ```
impl TryFrom<Uri> for Url {
    type Error = Error;

    fn try_from(uri: Uri) -> Result<Self> {
        Self::try_from(&uri)
    }
}

impl TryFrom<&Uri> for Url {
    type Error = Error;

    fn try_from(uri: &Uri) -> Result<Self> {
        Self::parse(&uri.to_string())
    }
}

/// Converts a URL into a URI, which has no fragment.
///
/// # Errors
/// [`InvalidUrl`](ErrorKind::InvalidUrl) for a URL that the crate `http` does not accept: it allows 65,534 bytes.
///
/// # Examples
///
/// ```
/// use waterspout::Url;
/// use waterspout::http::Uri;
///
/// let url = Url::parse("http://example.com/a?b#c")?;
/// assert_eq!(Uri::try_from(&url)?, "http://example.com/a?b");
/// # Ok::<(), waterspout::Error>(())
/// ```
impl TryFrom<&Url> for Uri {
    type Error = Error;

    fn try_from(url: &Url) -> Result<Self> {
        let text = url.as_str();
        let end = text.find('#').unwrap_or(text.len());
        text.get(..end).unwrap_or(text).parse().map_err(|error| {
            let message = "the URL is not a URI of the crate `http`";
            Error::request(ErrorKind::InvalidUrl, message).with_source(error).with_url(url)
        })
    }
}

impl TryFrom<Url> for Uri {
    type Error = Error;

    fn try_from(url: Url) -> Result<Self> {
        Self::try_from(&url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_uri_is_the_same_url() {
        let table = [
            ("http://example.com", "http://example.com/"),
            ("HTTP://EXAMPLE.com:80/%7Ea/../b?c=%20d", "http://example.com/b?c=%20d"),
            ("https://user:pass@[::1]:8080/", "https://user:pass@[::1]:8080/"),
        ];
        for (uri, expected) in table {
            let url = Url::try_from(uri.parse::<Uri>().unwrap()).unwrap();
            assert_eq!(url.as_str(), expected);
            assert_eq!(Uri::try_from(url).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn uri_that_is_no_http_url_is_an_error() {
        for uri in ["/path", "*", "example.com:443"] {
            assert!(Url::try_from(uri.parse::<Uri>().unwrap()).is_err(), "{uri}");
        }
        let error = Url::try_from("ftp://example.com/".parse::<Uri>().unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedScheme);
    }

    #[test]
    fn url_that_is_too_long_for_a_uri_is_an_error() {
        let url = Url::parse(&format!("http://example.com/{}", "a".repeat(70_000))).unwrap();
        assert_eq!(Uri::try_from(&url).unwrap_err().kind(), ErrorKind::InvalidUrl);
        let fragment = Url::parse(&format!("http://example.com/#{}", "a".repeat(70_000))).unwrap();
        assert_eq!(Uri::try_from(&fragment).unwrap(), "http://example.com/");
    }
}
