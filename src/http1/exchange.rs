//! What goes into an exchange on a connection, and what comes out of it.

use std::future::Ready;

use http::{HeaderMap, StatusCode};

use super::body::BodyDecoder;
use super::decode::ResponseHead;
use super::encode::RequestHead;
use super::limits::Http1Limits;
use super::upload::Upload;
use crate::message::body::Body;
use crate::message::progress::Progress;
use crate::message::trailers::Trailers;

/// A request as an exchange needs it.
pub(crate) struct ExchangeRequest<'a, W> {
    /// The limits of this request's response. A request may have limits of its own on a connection that is reused.
    pub(crate) limits: Http1Limits,
    pub(crate) head: RequestHead<'a>,
    pub(crate) body: Body,
    /// The trailers to send after the body. With trailers the body is chunked.
    pub(crate) trailers: Option<Trailers>,
    /// Counts the bytes that are written, and records that the response has begun.
    pub(crate) progress: &'a Progress,
    /// If set, the request has `Expect: 100-continue`. The body is sent at the end of this future at the latest.
    pub(crate) continue_wait: Option<W>,
    /// Called with each informational response.
    pub(crate) on_informational: Option<InformationalCallback<'a>>,
}

/// Receives the status and headers of each informational response.
pub(crate) type InformationalCallback<'a> = &'a (dyn Fn(StatusCode, &HeaderMap) + Send + Sync);

/// The part of a request's body that is still to be sent when the response's head is here.
pub(crate) type RemainingUpload = Upload<Ready<()>>;

/// The result of an exchange as soon as the final head is here.
pub(crate) struct ExchangeResponse {
    pub(crate) head: ResponseHead,
    /// Takes the body out of the connection.
    pub(crate) body: BodyDecoder,
    /// The rest of the request, if the server still wants it.
    pub(crate) upload: Option<RemainingUpload>,
    /// Whether the server closes the connection after the response.
    pub(crate) closes: bool,
}
