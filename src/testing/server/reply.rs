//! What a server answers.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::Fault;
use crate::message::body::Body;

/// An answer: a well-formed response, or any bytes at all, and what [goes wrong](Fault) with it.
///
/// A `content-length` or `connection` header of its own stands in for the server's.
#[derive(Debug)]
pub struct Reply {
    pub(super) form: Form,
    pub(super) faults: Vec<Fault>,
}

#[derive(Debug)]
pub(super) enum Form {
    Response {
        status: StatusCode,
        headers: HeaderMap,
        body: Body,
    },
    /// These bytes, then the connection is closed.
    Raw(Body),
}

impl Reply {
    /// A response with this status and body. A body of unknown length is sent chunked.
    ///
    /// A stream that ends before its declared length makes a truncated response.
    ///
    /// # Panics
    /// If `status` is not a number from 100 to 999.
    #[allow(clippy::expect_used, reason = "a wrong number in a test is a mistake to be told of at once")]
    pub fn new(status: u16, body: impl Into<Body>) -> Self {
        let status = StatusCode::from_u16(status).expect("a status is a number from 100 to 999");
        Self::of(Form::Response { status, headers: HeaderMap::new(), body: body.into() })
    }

    /// Status 200 and a text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(200, text.into()).with_header("content-type", "text/plain; charset=utf-8")
    }

    /// Status 200 and an HTML page.
    pub fn html(page: impl Into<String>) -> Self {
        Self::new(200, page.into()).with_header("content-type", "text/html; charset=utf-8")
    }

    /// A redirect to `location`.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::new(status, Body::empty()).with_header("location", location)
    }

    /// These bytes and nothing else, then the connection is closed: what no decent server would send.
    pub fn raw(bytes: impl Into<Body>) -> Self {
        Self::of(Form::Raw(bytes.into()))
    }

    /// No answer, ever; the connection stays open until the client closes it.
    pub fn silence() -> Self {
        Self::raw(Body::empty()).with_fault(Fault::silence())
    }

    /// Closes the connection without an answer.
    pub fn close() -> Self {
        Self::raw(Body::empty())
    }

    fn of(form: Form) -> Self {
        Self { form, faults: Vec::new() }
    }

    /// The same reply, with one more fault.
    #[must_use]
    pub fn with_fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// The same response with another status; text that is no status leaves it as it is.
    #[must_use]
    pub fn with_status(mut self, code: &str) -> Self {
        if let (Form::Response { status, .. }, Ok(code)) = (&mut self.form, code.parse()) {
            *status = code;
        }
        self
    }

    /// The same response with one more header; raw bytes have none and stay as they are.
    ///
    /// # Panics
    /// If name or value are not allowed in a header.
    #[must_use]
    #[allow(clippy::expect_used, reason = "a wrong header in a test is a mistake to be told of at once")]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        if let Form::Response { headers, .. } = &mut self.form {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name is a token");
            headers.append(name, HeaderValue::from_str(value).expect("a header's value has no control characters"));
        }
        self
    }
}
