//! Credentials that are sent without being asked for: Basic (RFC 7617) and Bearer (RFC 6750).

use http::HeaderValue;
use http::header::AUTHORIZATION;
use percent_encoding::percent_decode_str;

use crate::error::{Error, ErrorKind, Result};
use crate::message::request::{Request, RequestBuilder};
use crate::platform;

impl<C> RequestBuilder<C> {
    /// Sends `user` and `password` as Basic credentials, in UTF-8 and Unicode's normal form C.
    ///
    /// They replace an `authorization` header set before. Whoever reads the connection reads them: send them over
    /// `https`.
    ///
    /// # Errors
    /// On sending: [`InvalidRequest`](ErrorKind::InvalidRequest) if the user's name has a colon, which ends it, or
    /// either has a control character (RFC 7617, section 2).
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
    /// On sending: [`InvalidRequest`](ErrorKind::InvalidRequest) if `token` is not one (RFC 6750, section 2.1).
    pub fn bearer_auth(self, token: &str) -> Self {
        self.edit(|request| {
            set(request, bearer(token)?);
            Ok(())
        })
    }
}

/// Moves user name and password from the request's URL to its `authorization` header, unless it has one.
pub(crate) fn take_from_url(request: &mut Request) -> Result<()> {
    let Some((user, password)) = request.url().userinfo() else { return Ok(()) };
    let authorization = basic(&decoded(user), &decoded(password));
    let bare = request.url().clone().without_credentials();
    *request.url_mut() = bare;
    if !request.headers().contains_key(AUTHORIZATION) {
        let authorization = authorization.map_err(|error| error.with_url(request.url()))?;
        request.headers_mut().append(AUTHORIZATION, authorization);
    }
    Ok(())
}

/// A part of a userinfo as the bytes it stands for; text among them in normal form C, as everywhere.
pub(crate) fn decoded(part: &str) -> Vec<u8> {
    let bytes = percent_decode_str(part).collect();
    String::from_utf8(bytes).map_or_else(|error| error.into_bytes(), |text| platform::normalize(&text).into_bytes())
}

fn set(request: &mut Request, authorization: HeaderValue) {
    request.headers_mut().insert(AUTHORIZATION, authorization);
}

/// The credentials as a header's value (RFC 7617, section 2).
pub(crate) fn basic(user: &[u8], password: &[u8]) -> Result<HeaderValue> {
    if user.contains(&b':') {
        return Err(refused("a user name with a colon cannot be sent as Basic credentials"));
    }
    if user.iter().chain(password).any(u8::is_ascii_control) {
        return Err(refused("a user name or password with a control character cannot be sent as Basic credentials"));
    }
    let encoded = platform::base64(&[user, b":", password].concat());
    let encoded = encoded.ok_or_else(|| Error::request(ErrorKind::Unsupported, "this engine has no base64"))?;
    sensitive(&format!("Basic {encoded}"))
}

fn bearer(token: &str) -> Result<HeaderValue> {
    let characters = token.trim_end_matches('=');
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    if characters.is_empty() || !characters.bytes().all(allowed) {
        return Err(refused("a bearer token has letters, digits and any of `-._~+/`, then perhaps `=`, and no others"));
    }
    sensitive(&format!("Bearer {token}"))
}

/// A header's value that debug output and redirects to other origins leave out.
fn sensitive(value: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(value).map_err(|error| refused("bad credentials").with_source(error))?;
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
    fn the_vectors_of_rfc_7617_come_out() {
        assert_eq!(basic_auth("Aladdin", "open sesame").unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(basic_auth("test", "123\u{a3}").unwrap(), "Basic dGVzdDoxMjPCow==");
    }

    #[test]
    fn names_and_passwords_are_normalized() {
        let composed = basic_auth("jos\u{e9}", "\u{e9}").unwrap();
        assert_eq!(basic_auth("jose\u{301}", "e\u{301}").unwrap(), composed);
        assert_eq!(from_url("http://jose%CC%81:e%CC%81@example.com/").unwrap(), composed);
    }

    #[test]
    fn a_password_may_have_colons_and_a_user_may_not() {
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
    fn an_explicit_header_wins_over_the_url() {
        let builder = Request::get("http://user:secret@example.com/");
        assert_eq!(sent(builder.header("authorization", "Other x")).unwrap(), "Other x");
        let builder = Request::get("http://user:secret@example.com/");
        assert_eq!(sent(builder.basic_auth("a", "b")).unwrap(), "Basic YTpi");
    }

    #[test]
    fn a_bearer_token_is_checked() {
        let token = |token: &str| sent(Request::get("http://example.com/").bearer_auth(token));
        assert_eq!(token("aZ09-._~+/==").unwrap(), "Bearer aZ09-._~+/==");
        for bad in ["", "=", "a b", "a=b", "a\n", "\u{e9}", "a,b"] {
            assert_eq!(token(bad).unwrap_err().kind(), ErrorKind::InvalidRequest, "{bad:?}");
        }
    }
}
