//! Turns a request and a redirect into the next request (Fetch standard, "HTTP-redirect fetch").

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, COOKIE, HOST, LOCATION,
    PROXY_AUTHORIZATION,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use super::redirect_policy::{RedirectAction, RedirectAttempt, RedirectPolicy};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::body::Body;
use crate::message::request::Request;
use crate::message::url::{Scheme, Url, safe_excerpt};

/// Returns whether a response with this status and a `location` is a redirect.
pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The bytes of a `location` that are percent-encoded: all bytes above 0x7F. A header value has no control characters
/// except for tabs, and the URL parser removes tabs.
const NON_ASCII: &AsciiSet = &CONTROLS.remove(b'\t');

/// Returns the value of `location`, or `None` if there is no such field.
///
/// Several fields with the same value count as a single field, as in Chromium and Firefox.
///
/// # Errors
/// [`Redirect`](ErrorKind::Redirect) if the fields have different values (Fetch standard, "location URL").
pub(super) fn location(headers: &HeaderMap) -> Result<Option<&HeaderValue>> {
    let mut values = headers.get_all(LOCATION).iter();
    let first = values.next();
    // Two readers could follow different fields, so none of the fields is followed.
    if values.any(|value| Some(value) != first) {
        return Err(refused("the redirect has several `location` fields with different values".to_owned()));
    }
    Ok(first)
}

/// A redirect response.
pub(super) struct RedirectResponse<'a> {
    pub(super) status: StatusCode,
    pub(super) location: &'a HeaderValue,
    /// How many redirects have been followed before.
    pub(super) followed: usize,
}

/// Turns `request` into the request that `redirect` asks for. Returns `false` if the policy stops here, so that the
/// redirect is the response.
pub(super) fn follow(request: &mut Request, redirect: &RedirectResponse<'_>, policy: &RedirectPolicy) -> Result<bool> {
    let RedirectResponse { status, location, followed } = *redirect;
    // 1. Check the limit and the target.
    if followed >= policy.limit {
        let limit = policy.limit;
        return Err(refused(format!("there are more than {limit} redirects, the limit of `RedirectPolicy::limit`")));
    }
    let target = target(request.url(), location, policy.allow_downgrade)?;
    let attempt = RedirectAttempt { method: request.method(), status, from: request.url(), to: &target, followed };
    // Asked after the other settings, so the callback sees only redirects that they allow.
    match policy.action(&attempt) {
        RedirectAction::Follow => {}
        RedirectAction::Stop => return Ok(false),
        RedirectAction::Refuse => {
            return Err(refused(format!("the redirect policy refuses the redirect to {}", target.redacted())));
        }
    }
    // 2. Change the method and the body.
    if drops_body(request, status) {
        if request.method() != Method::HEAD {
            *request.method_mut() = Method::GET;
        }
        *request.body_mut() = Body::empty();
        *request.trailers_mut() = None;
        // The "request-body-header names" of the Fetch standard: they describe the body that is gone.
        for name in [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE] {
            request.headers_mut().remove(name);
        }
    } else if !request.body().is_replayable() {
        let message = format!(
            "a {status} redirect repeats the request's body, but the body is a stream that cannot be sent again"
        );
        return Err(Error::new(ErrorKind::BodyNotReplayable, Phase::Head, message));
    }
    // 3. Keep credentials within their origin.
    if target.origin() != request.url().origin() {
        // The authenticator would answer a challenge of the new origin with the credentials of the old origin.
        request.set_authenticator(None);
        // A header that the caller has marked as sensitive is a credential, too. `host` names the previous origin.
        let secret = request.headers().iter().filter(|(_, value)| value.is_sensitive()).map(|(name, _)| name.clone());
        let known = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, HOST];
        for name in secret.chain(known).collect::<Vec<_>>() {
            request.headers_mut().remove(name);
        }
    }
    *request.url_mut() = target;
    Ok(true)
}

/// Returns the URL that a `location` leads to.
fn target(from: &Url, location: &HeaderValue, allow_downgrade: bool) -> Result<Url> {
    // Before the URL parser, which reads text: it would turn a byte that is no UTF-8 into U+FFFD, and a byte that was
    // decoded as Latin-1 into two bytes. Browsers do the same (WPT, `redirect-location-escape`).
    let text = percent_encode(location.as_bytes(), NON_ASCII).to_string();
    let mut target = from.join(&text).map_err(|error| {
        refused(format!("the redirect's target \"{}\" cannot be fetched", safe_excerpt(&text))).with_source(error)
    })?;
    // The server must not choose the credentials that the client logs in with.
    if target.has_credentials() {
        return Err(refused("the redirect's target contains a user name or password".to_owned()));
    }
    if !allow_downgrade && from.scheme() == Scheme::Https && target.scheme() == Scheme::Http {
        return Err(refused(
            "the redirect leads from https to http, which `RedirectPolicy::allow_downgrade` does not allow".to_owned(),
        ));
    }
    // A target without a fragment inherits the fragment of the previous URL (RFC 9110, section 10.2.2).
    if let (None, Some(fragment)) = (target.fragment(), from.fragment()) {
        target = target.join(&format!("#{fragment}"))?;
    }
    Ok(target)
}

/// Returns whether the redirected request becomes a GET without a body, or stays a HEAD.
fn drops_body(request: &Request, status: StatusCode) -> bool {
    let method = request.method();
    match status.as_u16() {
        // For historical reasons (RFC 9110, sections 15.4.2 and 15.4.3): browsers have always done so, and servers rely
        // on it. A 307 or 308 keeps method and body.
        301 | 302 => method == Method::POST,
        // The target is another resource, which is retrieved (section 15.4.4): the body was for this resource. A GET
        // without a body has nothing to drop, and its headers stay as in the Fetch standard.
        303 if [Method::GET, Method::HEAD].contains(method) => !request.body().is_none(),
        303 => true,
        _ => false,
    }
}

/// Creates the error for a redirect that is not followed.
fn refused(message: String) -> Error {
    Error::new(ErrorKind::Redirect, Phase::Head, message)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::{HeaderMap, HeaderName};

    use super::*;
    use crate::auth::Authenticate;

    #[derive(Debug)]
    struct NeverAnswers;
    impl Authenticate for NeverAnswers {
        fn answer(&self, _: &Request, _: &HeaderMap, _: usize) -> Result<Option<HeaderValue>> {
            Ok(None)
        }
    }

    fn redirected(method: Method, status: u16, from: &str, to: &'static str) -> Result<Request> {
        let mut request = Request::new(method, Url::parse(from).unwrap());
        for name in [AUTHORIZATION, COOKIE, HOST, CONTENT_TYPE] {
            request.headers_mut().insert(name, HeaderValue::from_static("x"));
        }
        *request.body_mut() = Body::from("body");
        *request.trailers_mut() = Some(crate::message::trailers::Trailers::new());
        let mut key = HeaderValue::from_static("x");
        key.set_sensitive(true);
        request.headers_mut().insert("x-api-key", key);
        request.set_authenticator(Some(Arc::new(NeverAnswers)));
        let status = StatusCode::from_u16(status).unwrap();
        let redirect = RedirectResponse { status, location: &HeaderValue::from_static(to), followed: 0 };
        assert!(follow(&mut request, &redirect, &RedirectPolicy::new())?);
        Ok(request)
    }

    #[test]
    fn method_and_body_change_as_in_the_fetch_standard() {
        for (method, status, expected) in [
            (Method::POST, 301, Method::GET),
            (Method::POST, 302, Method::GET),
            (Method::POST, 303, Method::GET),
            (Method::PUT, 302, Method::PUT),
            (Method::PUT, 303, Method::GET),
            (Method::GET, 303, Method::GET),
            (Method::HEAD, 303, Method::HEAD),
            (Method::POST, 307, Method::POST),
            (Method::POST, 308, Method::POST),
        ] {
            let next = redirected(method.clone(), status, "http://a.example/", "/b").unwrap();
            assert_eq!(*next.method(), expected, "{method} {status}");
            let bodiless = expected == Method::GET || status == 303;
            assert_eq!(next.body().is_none(), bodiless, "{method} {status}");
            assert_eq!(next.trailers().is_none(), bodiless, "{method} {status}");
            assert_eq!(next.headers().contains_key(CONTENT_TYPE), !bodiless, "{method} {status}");
        }
    }

    #[test]
    fn credentials_stay_within_their_origin() {
        for (to, kept) in [
            ("http://a.example/b", true),
            ("http://a.example:80/b", true),
            ("http://a.example:81/b", false),
            ("https://a.example/b", false),
            ("http://b.example/b", false),
            // A name with a trailing dot is another host, as in browsers.
            ("http://a.example./b", false),
        ] {
            let next = redirected(Method::GET, 302, "http://a.example/", to).unwrap();
            for name in [AUTHORIZATION, COOKIE, HOST, HeaderName::from_static("x-api-key")] {
                assert_eq!(next.headers().contains_key(&name), kept, "{to} {name}");
            }
            assert_eq!(next.authenticator().is_some(), kept, "{to}");
            assert!(next.headers().contains_key(CONTENT_TYPE));
        }
    }

    #[test]
    fn invalid_targets_are_refused() {
        for to in ["ftp://a.example/", "http://[", "http://user:secret@a.example/"] {
            assert_eq!(
                redirected(Method::GET, 302, "http://a.example/", to).unwrap_err().kind(),
                ErrorKind::Redirect,
                "{to}"
            );
        }
        let downgrade = redirected(Method::GET, 302, "https://a.example/", "http://a.example/");
        assert_eq!(downgrade.unwrap_err().kind(), ErrorKind::Redirect);
    }

    #[test]
    fn fragment_is_inherited_unless_the_target_has_its_own() {
        let fragment =
            |to| redirected(Method::GET, 302, "http://a.example/#old", to).unwrap().url().fragment().map(str::to_owned);
        assert_eq!(fragment("/b").as_deref(), Some("old"));
        assert_eq!(fragment("/b#new").as_deref(), Some("new"));
    }
}
