//! RedirectPolicy, as a function of the request and the response (Fetch standard, "HTTP-redirect fetch").

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, COOKIE, HOST,
    PROXY_AUTHORIZATION,
};
use http::{HeaderValue, Method, StatusCode};

use super::redirect_policy::{RedirectAction, RedirectAttempt, RedirectPolicy};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::body::Body;
use crate::message::request::Request;
use crate::message::url::{Scheme, Url, safe_excerpt};

/// Whether a status names another place to go to.
pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Turns `request` into the next hop, unless it is to stop here; `replay` is its body from the beginning, if it can be
/// had. Says whether there is a next hop.
pub(super) fn follow(
    request: &mut Request,
    replay: Option<Body>,
    (status, location): (StatusCode, &HeaderValue),
    followed: usize,
    redirects: &RedirectPolicy,
) -> Result<bool> {
    if followed >= redirects.limit {
        return Err(refused(format!("there are more than {} redirects", redirects.limit)));
    }
    let target = target(request.url(), location, redirects.downgrade)?;
    let step = RedirectAttempt { method: request.method(), status, from: request.url(), to: &target, followed };
    match redirects.choice(&step) {
        RedirectAction::Follow => {}
        RedirectAction::Stop => return Ok(false),
        RedirectAction::Refuse => return Err(refused(format!("the redirect to {} is not wanted", target.redacted()))),
    }
    if becomes_get(request.method(), status) {
        *request.method_mut() = Method::GET;
        *request.body_mut() = Body::empty();
        *request.trailers_mut() = None;
        for name in [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE] {
            request.headers_mut().remove(name);
        }
    } else {
        *request.body_mut() = replay.ok_or_else(|| {
            let message = format!("a {status} redirect asks for the request's body again, and it is a one-shot stream");
            Error::new(ErrorKind::BodyNotReplayable, Phase::Head, message)
        })?;
    }
    if target.origin() != request.url().origin() {
        request.set_authenticator(None);
        let secret = request.headers().iter().filter(|(_, value)| value.is_sensitive()).map(|(name, _)| name.clone());
        let known = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, HOST];
        for name in secret.chain(known).collect::<Vec<_>>() {
            request.headers_mut().remove(name);
        }
    }
    *request.url_mut() = target;
    Ok(true)
}

fn target(from: &Url, location: &HeaderValue, downgrade: bool) -> Result<Url> {
    let text = String::from_utf8_lossy(location.as_bytes());
    let mut target = from.join(&text).map_err(|error| {
        refused(format!("the redirect's target \"{}\" cannot be fetched", safe_excerpt(&text))).with_source(error)
    })?;
    if target.has_credentials() {
        return Err(refused("the redirect's target has a user name or password".to_owned()));
    }
    if !downgrade && from.scheme() == Scheme::Https && target.scheme() == Scheme::Http {
        return Err(refused("the redirect leads from https to http".to_owned()));
    }
    // A target without a fragment inherits that of the URL before (RFC 9110, section 10.2.2).
    if let (None, Some(fragment)) = (target.fragment(), from.fragment()) {
        target = target.join(&format!("#{fragment}"))?;
    }
    Ok(target)
}

/// Whether the next hop is a GET without a body.
fn becomes_get(method: &Method, status: StatusCode) -> bool {
    match status.as_u16() {
        301 | 302 => method == Method::POST,
        303 => method != Method::GET && method != Method::HEAD,
        _ => false,
    }
}

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
    struct Nobody;
    impl Authenticate for Nobody {
        fn answer(&self, _: &Request, _: &HeaderMap, _: usize) -> Result<Option<HeaderValue>> {
            Ok(None)
        }
    }

    fn hop(method: Method, status: u16, from: &str, to: &'static str) -> Result<Request> {
        let mut request = Request::new(method, Url::parse(from).unwrap());
        for name in [AUTHORIZATION, COOKIE, HOST, CONTENT_TYPE] {
            request.headers_mut().insert(name, HeaderValue::from_static("x"));
        }
        *request.trailers_mut() = Some(crate::message::trailers::Trailers::new());
        let mut key = HeaderValue::from_static("x");
        key.set_sensitive(true);
        request.headers_mut().insert("x-api-key", key);
        request.set_authenticator(Some(Arc::new(Nobody)));
        let status = StatusCode::from_u16(status).unwrap();
        let redirect = (status, &HeaderValue::from_static(to));
        assert!(follow(&mut request, Some(Body::from("body")), redirect, 0, &RedirectPolicy::new())?);
        Ok(request)
    }

    #[test]
    fn post_becomes_get_where_the_standard_says_so() {
        for (method, status, expected) in [
            (Method::POST, 301, Method::GET),
            (Method::POST, 302, Method::GET),
            (Method::POST, 303, Method::GET),
            (Method::PUT, 302, Method::PUT),
            (Method::PUT, 303, Method::GET),
            (Method::HEAD, 303, Method::HEAD),
            (Method::POST, 307, Method::POST),
            (Method::POST, 308, Method::POST),
        ] {
            let next = hop(method.clone(), status, "http://a.example/", "/b").unwrap();
            assert_eq!(*next.method(), expected, "{method} {status}");
            let bodiless = expected == Method::GET;
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
        ] {
            let next = hop(Method::GET, 302, "http://a.example/", to).unwrap();
            for name in [AUTHORIZATION, COOKIE, HOST, HeaderName::from_static("x-api-key")] {
                assert_eq!(next.headers().contains_key(&name), kept, "{to} {name}");
            }
            assert_eq!(next.authenticator().is_some(), kept, "{to}");
            assert!(next.headers().contains_key(CONTENT_TYPE));
        }
    }

    #[test]
    fn refuses_targets_that_cannot_be_followed() {
        for to in ["ftp://a.example/", "http://[", "http://user:secret@a.example/"] {
            assert_eq!(hop(Method::GET, 302, "http://a.example/", to).unwrap_err().kind(), ErrorKind::Redirect, "{to}");
        }
        let downgrade = hop(Method::GET, 302, "https://a.example/", "http://a.example/");
        assert_eq!(downgrade.unwrap_err().kind(), ErrorKind::Redirect);
    }

    #[test]
    fn a_fragment_is_inherited_unless_the_target_has_its_own() {
        let fragment =
            |to| hop(Method::GET, 302, "http://a.example/#old", to).unwrap().url().fragment().map(str::to_owned);
        assert_eq!(fragment("/b").as_deref(), Some("old"));
        assert_eq!(fragment("/b#new").as_deref(), Some("new"));
    }
}
