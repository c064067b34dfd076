//! Credentials that are sent before a challenge: Basic (RFC 7617) and Bearer (RFC 6750).

use std::borrow::Cow;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use percent_encoding::percent_decode_str;

use crate::error::{Error, ErrorKind, Result};
use crate::message::request::{Request, RequestBuilder};
use crate::platform;

impl<C> RequestBuilder<C> {
    /// Sends `user` and `password` as Basic credentials, in UTF-8 and Unicode's normal form C.
    ///
    /// They replace an `authorization` header set before. They are not encrypted: send them over `https`.
    ///
    /// # Errors
    /// On sending: [`InvalidRequest`](ErrorKind::InvalidRequest) if the user name has a colon, which would end it, or
    /// if user name or password have a control character (RFC 7617, section 2).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Request;
    ///
    /// let request = Request::get("https://example.com/").basic_auth("user", "secret").build()?;
    /// assert_eq!(request.headers()["authorization"], "Basic dXNlcjpzZWNyZXQ=");
    /// assert!(Request::get("https://example.com/").basic_auth("a:b", "").build().is_err());
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn basic_auth(self, user: &str, password: &str) -> Self {
        self.edit(|request| {
            let (user, password) = (platform::normalize(user), platform::normalize(password));
            set(request, basic(user.as_bytes(), password.as_bytes())?);
            Ok(())
        })
    }

    /// Sends a bearer token. It replaces an `authorization` header set before.
    ///
    /// # Errors
    /// On sending: [`InvalidRequest`](ErrorKind::InvalidRequest) if `token` is not a bearer token (RFC 6750, section
    /// 2.1).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Request;
    ///
    /// let request = Request::get("https://example.com/").bearer_auth("aZ09").build()?;
    /// assert_eq!(request.headers()["authorization"], "Bearer aZ09");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn bearer_auth(self, token: &str) -> Self {
        self.edit(|request| {
            set(request, bearer(token)?);
            Ok(())
        })
    }
}

/// Moves user name and password from the request's URL to its `authorization` header, unless that header is set.
// The request's own header comes first, then the URL, then the client's default header: a header is written for this
// request on purpose, and a URL may come from anywhere.
pub(crate) fn take_from_url(request: &mut Request) -> Result<()> {
    let Some((user, password)) = request.url().userinfo() else { return Ok(()) };
    let authorization = basic(&decode_userinfo(user), &decode_userinfo(password));
    let bare = request.url().clone().without_credentials();
    // The URL loses its credentials in any case: they must not appear in a response or an error.
    *request.url_mut() = bare;
    request.add_url_credentials(authorization).map_err(|error| error.with_url(request.url()))
}

/// Decodes a percent-encoded part of a userinfo. If the bytes are UTF-8, they are in normal form C, as all credentials.
pub(crate) fn decode_userinfo(part: &str) -> Vec<u8> {
    let bytes: Vec<u8> = percent_decode_str(part).collect();
    // Only valid UTF-8 is borrowed. `Response::text` uses the same function, so a browser program links no other check.
    if let Cow::Borrowed(text) = String::from_utf8_lossy(&bytes) {
        return platform::normalize(text).into_bytes();
    }
    bytes
}

fn set(request: &mut Request, authorization: HeaderValue) {
    request.headers_mut().insert(AUTHORIZATION, authorization);
}

/// Returns Basic credentials as a header value (RFC 7617, section 2).
pub(crate) fn basic(user: &[u8], password: &[u8]) -> Result<HeaderValue> {
    // By a function and not by `contains`, which links the fast search for a byte into a browser program.
    if user.iter().any(is_colon) {
        return Err(refused("a user name with a colon cannot be sent as Basic credentials; the colon would end it"));
    }
    if user.iter().chain(password).any(u8::is_ascii_control) {
        return Err(refused("a user name or password with a control character cannot be sent as Basic credentials"));
    }
    let encoded = platform::base64(&[user, b":", password].concat());
    let encoded = encoded.ok_or_else(|| {
        Error::request(ErrorKind::Unsupported, "Basic credentials need base64, which this engine lacks")
    })?;
    sensitive(&["Basic ", &encoded].concat())
}

fn is_colon(byte: &u8) -> bool {
    *byte == b':'
}

fn bearer(token: &str) -> Result<HeaderValue> {
    // The grammar `b64token` of RFC 6750.
    let characters = token.trim_end_matches('=');
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    if characters.is_empty() || !characters.bytes().all(allowed) {
        return Err(refused("a bearer token may have letters, digits and `-._~+/`, and `=` only at its end"));
    }
    sensitive(&format!("Bearer {token}"))
}

/// Returns a header value marked as sensitive: debug output hides it, and redirects to other origins drop it.
fn sensitive(value: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(value).map_err(|error| {
        refused("the credentials have a character that is not allowed in a header").with_source(error)
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn refused(message: &'static str) -> Error {
    Error::request(ErrorKind::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(builder: RequestBuilder) -> Result<String> {
        let mut request = builder.build()?;
        take_from_url(&mut request)?;
        assert!(!request.url().has_credentials());
        let value = &request.headers()[AUTHORIZATION];
        assert!(value.is_sensitive());
        assert!(!format!("{request:?}").contains(value.to_str().unwrap()));
        Ok(value.to_str().unwrap().to_owned())
    }

    fn basic_auth(user: &str, password: &str) -> Result<String> {
        sent(Request::get("http://example.com/").basic_auth(user, password))
    }

    fn from_url(url: &str) -> Result<String> {
        sent(Request::get(url))
    }

    #[test]
    fn vectors_of_rfc_7617_are_reproduced() {
        assert_eq!(basic_auth("Aladdin", "open sesame").unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(basic_auth("test", "123\u{a3}").unwrap(), "Basic dGVzdDoxMjPCow==");
    }

    #[test]
    fn user_names_and_passwords_are_normalized() {
        let composed = basic_auth("jos\u{e9}", "\u{e9}").unwrap();
        assert_eq!(basic_auth("jose\u{301}", "e\u{301}").unwrap(), composed);
        assert_eq!(from_url("http://jose%CC%81:e%CC%81@example.com/").unwrap(), composed);
    }

    #[test]
    fn passwords_may_have_colons_and_user_names_may_not() {
        assert_eq!(basic_auth("a", ":b:").unwrap(), "Basic YTo6Yjo=");
        assert_eq!(basic_auth("", "").unwrap(), "Basic Og==");
        for error in [basic_auth("a:b", ""), basic_auth("a", "\n"), from_url("http://a%3Ab:c@example.com/")] {
            assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidRequest);
        }
    }

    #[test]
    fn credentials_in_a_url_are_percent_decoded() {
        assert_eq!(
            from_url("http://Aladdin:open%20sesame@example.com/").unwrap(),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
        assert_eq!(from_url("http://user@example.com/").unwrap(), "Basic dXNlcjo=");
        assert_eq!(from_url("http://:p%40ss@example.com/").unwrap(), "Basic OnBAc3M=");
        // Bytes that are not UTF-8 are sent as they are.
        assert_eq!(from_url("http://a:%A3@example.com/").unwrap(), "Basic YTqj");
    }

    #[test]
    fn explicit_header_overrides_the_url() {
        let builder = Request::get("http://user:secret@example.com/");
        assert_eq!(sent(builder.header("authorization", "Other x")).unwrap(), "Other x");
        let builder = Request::get("http://user:secret@example.com/");
        assert_eq!(sent(builder.basic_auth("a", "b")).unwrap(), "Basic YTpi");
    }

    #[test]
    fn bearer_token_is_checked() {
        let token = |token: &str| sent(Request::get("http://example.com/").bearer_auth(token));
        assert_eq!(token("aZ09-._~+/==").unwrap(), "Bearer aZ09-._~+/==");
        for bad in ["", "=", "a b", "a=b", "a\n", "\u{e9}", "a,b"] {
            assert_eq!(token(bad).unwrap_err().kind(), ErrorKind::InvalidRequest, "{bad:?}");
        }
    }
}
