//! The builder of a response, for backends and mocks.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};

use super::Response;
use super::lazy_headers::LazyHeaders;
use crate::error::{Error, ErrorKind, Phase, Result, Source};
use crate::message::body::Body;
use crate::message::connection_info::{ConnectionInfo, ExchangeInfo, RedirectEntry};
use crate::message::trailers::Trailers;
use crate::message::url::Url;

/// Builds a [`Response`]: what a [`Backend`](crate::Backend) or a mock answers.
///
/// The first mistake, such as a bad URL or header, is kept and becomes the error of [`body`](Self::body).
///
/// # Examples
///
/// ```
/// use http::StatusCode;
/// use waterspout::Response;
///
/// let response = Response::builder(StatusCode::CREATED, "http://example.com/items")
///     .header("location", "/items/7")
///     .body("made")?;
/// assert_eq!(response.status(), StatusCode::CREATED);
/// assert_eq!(response.headers()["location"], "/items/7");
/// # Ok::<(), waterspout::Error>(())
/// ```
#[must_use = "a response builder does nothing until it is given a body"]
#[derive(Debug)]
pub struct ResponseBuilder(pub(super) Result<Response>);

impl Response {
    /// Takes the response apart into a builder, which has everything but the body, and the body. For middleware and
    /// backends that change a response.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::StatusCode;
    /// use waterspout::Response;
    ///
    /// let response = Response::builder(StatusCode::OK, "http://example.com/").body("hello")?;
    /// let (builder, body) = response.into_builder();
    /// let response = builder.reason("Fine").header("x-cache", "miss").body(body)?;
    /// assert_eq!((response.reason(), response.status()), (Some("Fine"), StatusCode::OK));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn into_builder(mut self) -> (ResponseBuilder, Body) {
        let body = std::mem::take(&mut self.0.body);
        (ResponseBuilder(Ok(self)), body)
    }
}

impl ResponseBuilder {
    pub(super) fn new(status: StatusCode, url: impl TryInto<Url, Error: Into<Error>>) -> Self {
        let url = url.try_into().map_err(Into::into);
        Self(url.map(|url| Response::new(status, url, Body::empty())))
    }

    /// Adds a header. A header of the same name stays.
    ///
    /// # Errors
    /// On [`body`](Self::body): [`Protocol`](ErrorKind::Protocol) for a name that is not a token, or for a value with a
    /// control character (RFC 9110, section 5.5).
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName, Error: Into<Source>>,
        V: TryInto<HeaderValue, Error: Into<Source>>,
    {
        if let Ok(response) = &mut self.0 {
            if let Err(error) = append(response.headers_mut(), name, value) {
                self.0 = Err(error);
            }
        }
        self
    }

    /// Sets all headers. They replace the headers set before.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.lazy_headers(headers.into())
    }

    pub(crate) fn lazy_headers(mut self, headers: LazyHeaders) -> Self {
        if let Ok(response) = &mut self.0 {
            response.0.headers = headers;
        }
        self
    }

    /// Sets the version of HTTP. Default: HTTP/1.1.
    pub fn version(mut self, version: Version) -> Self {
        if let Ok(response) = &mut self.0 {
            response.0.version = version;
        }
        self
    }

    /// Sets the phrase after the status. Default: the standard phrase of the status.
    pub fn reason(mut self, reason: impl Into<Box<str>>) -> Self {
        if let Ok(response) = &mut self.0 {
            response.0.reason = Some(reason.into());
        }
        self
    }

    /// Sets the cell that holds the trailers once the body has ended.
    pub fn trailers(mut self, trailers: Trailers) -> Self {
        if let Ok(response) = &mut self.0 {
            response.0.trailers = Some(trailers);
        }
        self
    }

    /// Sets the facts about the connection that carried the response.
    pub fn connection_info(self, info: ConnectionInfo) -> Self {
        self.exchange(ExchangeInfo::Given(Box::new(info)))
    }

    /// Sets what the response knows of its connection and its exchange.
    pub(crate) fn exchange(mut self, exchange: ExchangeInfo) -> Self {
        if let Ok(response) = &mut self.0 {
            response.0.exchange = exchange;
        }
        self
    }

    /// Marks the response as reached through a redirect, or not. Default: `false`.
    pub fn redirected(mut self, redirected: bool) -> Self {
        if let Ok(response) = &mut self.0 {
            response.0.redirected = redirected;
        }
        self
    }

    /// Sets the redirects that led to the response, in the order they were followed. The response is marked as
    /// redirected if the list is not empty.
    pub fn history(mut self, history: Vec<RedirectEntry>) -> Self {
        if let Ok(response) = &mut self.0 {
            response.set_history(history);
        }
        self
    }

    /// Sets the body and returns the response.
    ///
    /// # Errors
    /// The first mistake made while building.
    pub fn body(self, body: impl Into<Body>) -> Result<Response> {
        let mut response = self.0?;
        response.0.body = body.into();
        Ok(response)
    }
}

fn append<N, V>(headers: &mut HeaderMap, name: N, value: V) -> Result<()>
where
    N: TryInto<HeaderName, Error: Into<Source>>,
    V: TryInto<HeaderValue, Error: Into<Source>>,
{
    let name = name.try_into().map_err(|error| malformed("a header's name is not a token", error))?;
    let value = value.try_into().map_err(|error| malformed("a header's value has a forbidden character", error))?;
    // Not `insert`: a header such as `set-cookie` may occur several times.
    headers.append(name, value);
    Ok(())
}

// The kind is that of a server's malformed header: for the client, the builder stands in for a server.
fn malformed(message: &'static str, error: impl Into<Source>) -> Error {
    Error::new(ErrorKind::Protocol, Phase::Head, message).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_mistake_becomes_the_error_of_body() {
        let builder = |url: &'static str| Response::builder(StatusCode::OK, url);
        let error = builder("http://[bad/").header("also bad", "x").body("").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidUrl);
        for (name, value) in [("not a token", "x"), ("x", "line\nbreak")] {
            let error = builder("http://h/").header(name, value).header("x", "y").body("").unwrap_err();
            assert_eq!((error.kind(), error.phase()), (ErrorKind::Protocol, Phase::Head));
        }
    }

    #[test]
    fn history_marks_the_response_as_redirected() {
        let hop = RedirectEntry {
            url: Url::parse("http://h/old").unwrap(),
            status: StatusCode::FOUND,
            connection_info: ConnectionInfo::default(),
        };
        let response = Response::builder(StatusCode::OK, "http://h/").history(vec![hop]).body("").unwrap();
        assert!(response.redirected());
        let response = Response::builder(StatusCode::OK, "http://h/").history(Vec::new()).body("").unwrap();
        assert!(!response.redirected());
    }
}
