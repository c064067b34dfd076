//! The answer of a handler.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::Fault;
use crate::message::body::Body;

/// The answer of a handler: a well-formed response or any bytes, with the [faults](Fault) that happen in it.
///
/// A `content-length` or `connection` header that is set here replaces the header of the server. Over HTTP/2, which has
/// no such headers, `connection` and `transfer-encoding` are left out.
///
/// # Examples
///
/// ```
/// use waterspout::testing::{ManualTimer, MemoryConnector, Reply, handler};
/// use waterspout::{Agent, Client};
///
/// let server = handler(|_| {
///     let reply = Reply::text("slow down").with_status(429).with_header("retry-after", "120");
///     Box::pin(async { reply })
/// });
/// let client = Client::builder().backend(Agent::new(MemoryConnector::new(server), ManualTimer::new())).build()?;
/// let response = futures::executor::block_on(client.get("http://example.com/").send())?;
/// assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (429, &"120".parse().unwrap()));
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Debug)]
pub struct Reply {
    pub(super) content: ReplyContent,
    pub(super) faults: Vec<Fault>,
}

#[derive(Debug)]
pub(super) enum ReplyContent {
    Response {
        status: StatusCode,
        headers: HeaderMap,
        body: Body,
        trailers: HeaderMap,
    },
    /// These bytes, then the connection is closed.
    Raw(Body),
}

impl Reply {
    /// Makes a response with this status and body. A body of unknown length is sent chunked.
    ///
    /// A stream that ends before its declared length makes a truncated response.
    ///
    /// # Panics
    /// If `status` is not a number from 100 to 999.
    pub fn new(status: u16, body: impl Into<Body>) -> Self {
        let status = status_code(status);
        let (headers, trailers) = (HeaderMap::new(), HeaderMap::new());
        Self::with_content(ReplyContent::Response { status, headers, body: body.into(), trailers })
    }

    /// Makes a response with status 200 and a text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(200, text.into()).with_header("content-type", "text/plain; charset=utf-8")
    }

    /// Makes a response with status 200 and an HTML page.
    pub fn html(page: impl Into<String>) -> Self {
        Self::new(200, page.into()).with_header("content-type", "text/html; charset=utf-8")
    }

    /// Makes a redirect to `location`.
    ///
    /// # Panics
    /// If `status` is not a number from 100 to 999, or `location` is not allowed in a header.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::new(status, Body::empty()).with_header("location", location)
    }

    /// Makes a reply of exactly these bytes, after which the connection is closed. The bytes need not be valid HTTP.
    /// Over HTTP/2 they are sent between two frames; see `Http2Frame`.
    pub fn raw(bytes: impl Into<Body>) -> Self {
        Self::with_content(ReplyContent::Raw(bytes.into()))
    }

    /// Makes a reply that never comes. The connection stays open until the client closes it; over HTTP/2 the stream
    /// stays open until the client resets it.
    pub fn silence() -> Self {
        Self::raw(Body::empty()).with_fault(Fault::silence())
    }

    /// Makes an empty reply: the connection is closed without an answer.
    pub fn close() -> Self {
        Self::raw(Body::empty())
    }

    fn with_content(content: ReplyContent) -> Self {
        Self { content, faults: Vec::new() }
    }

    /// Adds a fault.
    #[must_use]
    pub fn with_fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Sets the status. A [raw](Self::raw) reply is unchanged.
    ///
    /// # Panics
    /// If `status` is not a number from 100 to 999.
    ///
    /// # Examples
    ///
    /// ```should_panic
    /// use waterspout::testing::Reply;
    ///
    /// let reply = Reply::text("not found").with_status(4044);
    /// ```
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        let code = status_code(status);
        if let ReplyContent::Response { status, .. } = &mut self.content {
            *status = code;
        }
        self
    }

    /// Adds a header. A [raw](Self::raw) reply is unchanged.
    ///
    /// # Panics
    /// If name or value are not allowed in a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        if let ReplyContent::Response { headers, .. } = &mut self.content {
            append(headers, name, value);
        }
        self
    }

    /// Adds a trailer: a field after the body (RFC 9110, section 6.5). A [raw](Self::raw) reply is unchanged.
    ///
    /// Over HTTP/1.1 the body is sent chunked then, unless a `content-length` header is set: such a reply has no
    /// trailers.
    ///
    /// # Panics
    /// If name or value are not allowed in a header.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::{ManualTimer, MemoryConnector, Reply, handler};
    /// use waterspout::{Agent, Client};
    ///
    /// let server = handler(|_| Box::pin(async { Reply::text("hello").with_trailer("checksum", "abc") }));
    /// let client = Client::builder().backend(Agent::new(MemoryConnector::new(server), ManualTimer::new())).build()?;
    /// futures::executor::block_on(async {
    ///     let mut response = client.get("http://example.com/").await?;
    ///     while response.chunk().await?.is_some() {}
    ///     assert_eq!(response.trailers().unwrap()["checksum"], "abc");
    ///     Ok::<(), waterspout::Error>(())
    /// })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    #[must_use]
    pub fn with_trailer(mut self, name: &str, value: &str) -> Self {
        if let ReplyContent::Response { trailers, .. } = &mut self.content {
            append(trailers, name, value);
        }
        self
    }
}

#[allow(clippy::expect_used, reason = "a wrong header in a test should fail at once")]
fn append(fields: &mut HeaderMap, name: &str, value: &str) {
    let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name is a token");
    fields.append(name, HeaderValue::from_str(value).expect("a header's value has no control characters"));
}

/// Returns the status code of a number.
#[allow(clippy::panic, reason = "a wrong number in a test should fail at once")]
fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or_else(|_| panic!("a status is a number from 100 to 999, and not {status}"))
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn number_that_is_not_a_status_panics() {
        for number in [0, 99, 1000, 4044, u16::MAX] {
            assert!(catch_unwind(|| Reply::new(number, "")).is_err(), "new({number})");
            assert!(catch_unwind(|| Reply::redirect(number, "/")).is_err(), "redirect({number})");
            assert!(catch_unwind(|| Reply::text("").with_status(number)).is_err(), "with_status({number})");
        }
        for number in [100, 200, 451, 599, 999] {
            let reply = Reply::text("").with_status(number);
            assert!(matches!(reply.content, ReplyContent::Response { status, .. } if status.as_u16() == number));
        }
    }
}
