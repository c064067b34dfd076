//! Conversions between a response and the `Response` of the crate `http`.

use std::any::Any;

use http::Extensions;

use super::Response;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::body::Body;
use crate::message::connection_info::{ConnectionInfo, ExchangeInfo};
use crate::message::trailers::Trailers;
use crate::message::url::Url;

/// The extensions that a response of the crate `http` came with.
// Behind a trait object, so that a program without conversions does not link the code that drops the map.
pub(crate) struct HttpExtensions(Box<dyn Any + Send + Sync>);

impl HttpExtensions {
    fn new(extensions: Extensions) -> Option<Self> {
        (!extensions.is_empty()).then(|| Self(Box::new(extensions)))
    }

    fn into_inner(self) -> Extensions {
        self.0.downcast().map(|extensions| *extensions).unwrap_or_default()
    }
}

impl Response {
    /// Returns the extensions of the `http::Response` that this response was made of, if there were any.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Response, Url, http};
    ///
    /// let url = Url::parse("http://example.com/")?;
    /// let response = http::Response::builder().extension(url).extension(7_u8).body("hello").unwrap();
    /// let response = Response::try_from(response)?;
    /// assert_eq!(response.http_extensions().and_then(|extensions| extensions.get()), Some(&7_u8));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn http_extensions(&self) -> Option<&Extensions> {
        self.0.http_extensions.as_ref()?.0.downcast_ref()
    }
}

/// Converts a response into a response of the crate `http`. Status, version and headers stay.
///
/// The extensions have the [`Url`] of the response, its [`ConnectionInfo`], and the [`Trailers`] if there may be trailers. With
/// the feature `http-body` the body yields the trailers too. The reason, the redirects, the attempts, the timings and the
/// [`body_limit`](crate::RequestBuilder::body_limit) are lost.
///
/// # Cancellation
/// The body holds the slot and the connection until it has been read to its end, or is dropped.
///
/// # Examples
///
/// ```
/// use waterspout::testing::MockBackend;
/// use waterspout::{Body, Client, Url, http};
///
/// # futures::executor::block_on(async {
/// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
/// let response: http::Response<Body> = client.get("http://example.com/").await?.into();
/// assert_eq!(response.status(), 200);
/// assert_eq!(response.extensions().get::<Url>().unwrap().as_str(), "http://example.com/");
/// assert_eq!(response.into_body().collect(100).await?, "hello");
/// # Ok::<(), waterspout::Error>(())
/// # })?;
/// # Ok::<(), waterspout::Error>(())
/// ```
impl From<Response> for http::Response<Body> {
    fn from(mut response: Response) -> Self {
        let headers = std::mem::take(response.headers_mut());
        let parts = response.into_parts();
        let mut body = parts.body;
        let mut extensions = parts.http_extensions.map(HttpExtensions::into_inner).unwrap_or_default();
        extensions.insert(parts.exchange.facts());
        if let Some(trailers) = parts.trailers {
            body = body.with_trailers(trailers.clone());
            extensions.insert(trailers);
        }
        extensions.insert(parts.url);
        let mut converted = Self::new(body);
        *converted.status_mut() = parts.status;
        *converted.version_mut() = parts.version;
        *converted.headers_mut() = headers;
        *converted.extensions_mut() = extensions;
        converted
    }
}

/// Converts a response of the crate `http`, for backends and mocks. Status, version and headers stay.
///
/// Of the extensions, [`Url`] is the URL that answered, and [`ConnectionInfo`] and [`Trailers`] take effect.
/// [`Response::http_extensions`] returns the rest.
///
/// # Errors
/// [`InvalidUrl`](ErrorKind::InvalidUrl) if the extensions have no [`Url`].
///
/// # Examples
///
/// ```
/// use waterspout::{ErrorKind, Response, Url, http};
///
/// let url = Url::parse("http://example.com/")?;
/// let response = http::Response::builder().status(201).extension(url).body("made").unwrap();
/// assert_eq!(Response::try_from(response)?.status(), 201);
///
/// let error = Response::try_from(http::Response::new("made")).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidUrl);
/// # Ok::<(), waterspout::Error>(())
/// ```
impl<B: Into<Body>> TryFrom<http::Response<B>> for Response {
    type Error = Error;

    fn try_from(response: http::Response<B>) -> Result<Self> {
        let (mut head, body) = response.into_parts();
        let body = body.into();
        let Some(url) = head.extensions.remove::<Url>() else {
            let message = "the response has no URL: insert a `waterspout::Url` into its extensions";
            return Err(Error::new(ErrorKind::InvalidUrl, Phase::Head, message));
        };
        let trailers = head.extensions.remove::<Trailers>().or_else(|| body.trailers().cloned());
        let mut builder = Self::builder(head.status, url).headers(head.headers).version(head.version);
        if let Some(facts) = head.extensions.remove::<ConnectionInfo>() {
            builder = builder.exchange(ExchangeInfo::Given(Box::new(facts)));
        }
        if let Some(trailers) = trailers {
            builder = builder.trailers(trailers);
        }
        let mut response = builder.body(body)?;
        response.0.http_extensions = HttpExtensions::new(head.extensions);
        Ok(response)
    }
}
