//! Conversions between a request and the `Request` of the crate `http`.

use std::sync::Arc;

use http::HeaderMap;
use http::header::CONTENT_LENGTH;

use super::{Request, RequestOptions};
use crate::error::{Error, Result};
use crate::message::authenticate::Authenticate;
use crate::message::body::Body;
use crate::message::extensions::Extension;
use crate::message::trailers::Trailers;
use crate::message::url::Url;

/// The extensions of an `http::Request`. They travel with a request as information for middleware.
impl Extension for http::Extensions {
    const NAME: &'static str = "http_extensions";
    const BACKEND: &'static str = "*";
}

/// Converts a request of the crate `http`. Its body is what converts into a [`Body`]: `()`, a string, bytes, or a `Body`.
///
/// The method, the URI and the headers stay. A `content-length` becomes the length of a streamed body. Of the extensions, [`RequestOptions`], [`Trailers`] and
/// `Arc<dyn Authenticate>` take effect. The rest is an [`Extension`] of the request, which a
/// [`Middleware`](crate::Middleware) reads with `request.options().extension::<http::Extensions>()`. The version is ignored: the
/// connection decides it.
///
/// # Errors
/// [`InvalidUrl`](crate::ErrorKind::InvalidUrl) for a URI without scheme and host, such as `/path`, and
/// [`UnsupportedScheme`](crate::ErrorKind::UnsupportedScheme) for a scheme other than `http` and `https`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::{Request, RequestOptions, http};
///
/// let mut options = RequestOptions::default();
/// options.timeout = Some(Duration::from_secs(5));
/// let request = http::Request::post("http://example.com/notes").extension(options).body("remember the milk").unwrap();
/// let request = Request::try_from(request)?;
/// assert_eq!((request.method().as_str(), request.url().path()), ("POST", "/notes"));
/// assert_eq!(request.options().timeout, Some(Duration::from_secs(5)));
/// # Ok::<(), waterspout::Error>(())
/// ```
impl<B: Into<Body>> TryFrom<http::Request<B>> for Request {
    type Error = Error;

    fn try_from(request: http::Request<B>) -> Result<Self> {
        let (mut head, body) = request.into_parts();
        let mut request = Self::new(head.method, Url::try_from(head.uri)?);
        *request.body_mut() = take_length(&mut head.headers, body.into());
        *request.headers_mut() = head.headers;
        if let Some(options) = head.extensions.remove::<RequestOptions>() {
            *request.options_mut() = options;
        }
        *request.trailers_mut() = head.extensions.remove::<Trailers>();
        request.set_authenticator(head.extensions.remove::<Arc<dyn Authenticate>>());
        if !head.extensions.is_empty() {
            request.options_mut().set_extension(head.extensions);
        }
        Ok(request)
    }
}

/// Returns the body with the length that a `content-length` states, and removes this header, because the length is sent with
/// the body. A header that contradicts the body stays, and sending the request refuses it.
fn take_length(headers: &mut HeaderMap, body: Body) -> Body {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return body };
    // `parse` alone would accept a sign.
    let text = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let Some(stated) = text.and_then(|text| text.parse().ok()) else { return body };
    let body = if body.length().is_none() { body.with_length(stated) } else { body };
    if body.length() == Some(stated) {
        headers.remove(CONTENT_LENGTH);
    }
    body
}

/// Converts a request into a request of the crate `http`, which the opposite conversion turns back.
///
/// The extensions have the [`RequestOptions`], the [`Trailers`] and the authenticator (`Arc<dyn Authenticate>`), as far as
/// they are set, besides the extensions that the request came with. The fragment of the URL is lost.
///
/// # Errors
/// [`InvalidUrl`](crate::ErrorKind::InvalidUrl) for a URL that the crate `http` does not accept: it allows 65,534 bytes.
///
/// # Examples
///
/// ```
/// use waterspout::{Body, Request, http};
///
/// let request = Request::get("http://example.com/a?b").header("accept", "text/html").build()?;
/// let request = http::Request::<Body>::try_from(request)?;
/// assert_eq!((request.uri().path(), request.uri().query()), ("/a", Some("b")));
/// assert_eq!(request.headers()["accept"], "text/html");
/// # Ok::<(), waterspout::Error>(())
/// ```
impl TryFrom<Request> for http::Request<Body> {
    type Error = Error;

    fn try_from(mut request: Request) -> Result<Self> {
        let uri = http::Uri::try_from(request.url())?;
        let headers = std::mem::take(request.headers_mut());
        let parts = *request.0;
        let mut extensions = http::Extensions::new();
        let mut body = parts.body;
        if let Some(mut options) = parts.options.into_inner() {
            if let Some(own) = options.take_extension::<http::Extensions>() {
                extensions = Arc::unwrap_or_clone(own);
            }
            extensions.insert(options);
        }
        if let Some(trailers) = parts.trailers {
            body = if body.is_none() { body } else { body.with_trailers(trailers.clone()) };
            extensions.insert(trailers);
        }
        if let Some(authenticator) = parts.authenticator {
            extensions.insert(authenticator);
        }
        let mut converted = Self::new(body);
        *converted.method_mut() = parts.method;
        *converted.uri_mut() = uri;
        *converted.headers_mut() = headers;
        *converted.extensions_mut() = extensions;
        Ok(converted)
    }
}
