//! Why an exchange over HTTP/2 failed, and whether the server has processed the request.

use std::io;

use h2::Reason;

use super::h2_limits;
use crate::error::{Error, ErrorKind, Phase};

/// The failure of an exchange.
#[derive(Clone, Debug)]
pub(crate) struct Http2Failure {
    pub(crate) error: Error,
    /// Whether the server says that it has not processed the request, so that each method may be repeated (RFC 9113,
    /// section 8.7).
    pub(crate) is_unprocessed: bool,
    /// Whether the server asks for less (ENHANCE_YOUR_CALM): the request must not be repeated.
    pub(crate) is_calm: bool,
    /// Whether the connection failed, and not only the stream.
    pub(crate) is_connection: bool,
    /// Whether the server has retired the connection after it has processed other requests of it.
    pub(crate) has_progress: bool,
}

impl Http2Failure {
    /// Makes the failure that an error of `h2` stands for. `is_unprocessed` is set for REFUSED_STREAM alone: only the
    /// stream's number tells whether a GOAWAY concerns it.
    pub(super) fn of(error: h2::Error, phase: Phase) -> Self {
        let is_calm = error.reason() == Some(Reason::ENHANCE_YOUR_CALM);
        let is_refused = error.is_reset() && error.is_remote() && error.reason() == Some(Reason::REFUSED_STREAM);
        let is_connection = error.is_io() || error.is_go_away();
        Self { error: to_error(error, phase), is_unprocessed: is_refused, is_calm, is_connection, has_progress: false }
    }

    /// Makes the failure of a request that never left.
    pub(super) fn unsent(error: Error) -> Self {
        Self { error, is_unprocessed: true, is_calm: false, is_connection: true, has_progress: false }
    }

    /// Makes a failure after which the request must not be repeated.
    pub(super) fn fatal(error: Error) -> Self {
        Self { error, is_unprocessed: false, is_calm: false, is_connection: false, has_progress: false }
    }
}

impl From<Error> for Http2Failure {
    fn from(error: Error) -> Self {
        Self::fatal(error)
    }
}

/// Converts an error of `h2`.
fn to_error(error: h2::Error, phase: Phase) -> Error {
    if error.is_io() {
        let kind = error.get_io().map_or(ErrorKind::Io, io_kind);
        let message = match kind {
            ErrorKind::ConnectionClosed => "the server closed the connection",
            ErrorKind::Tls => "the TLS connection failed",
            _ => "the connection failed",
        };
        // Our own error names the limit, so it is handed on as it is.
        let own = error.get_io().and_then(io::Error::get_ref).and_then(|inner| inner.downcast_ref::<Error>());
        return own.cloned().unwrap_or_else(|| Error::new(kind, phase, message).with_source(error));
    }
    if let Some(message) = h2_limits::exceeded(&error) {
        return Error::new(ErrorKind::LimitExceeded, phase, message).with_source(error);
    }
    let reason = error.reason().unwrap_or(Reason::INTERNAL_ERROR);
    let code = name(reason);
    let kind = match reason {
        _ if error.is_library() => ErrorKind::Protocol,
        Reason::PROTOCOL_ERROR
        | Reason::FLOW_CONTROL_ERROR
        | Reason::FRAME_SIZE_ERROR
        | Reason::COMPRESSION_ERROR
        | Reason::STREAM_CLOSED
        | Reason::HTTP_1_1_REQUIRED
        | Reason::INADEQUATE_SECURITY => ErrorKind::Protocol,
        _ => ErrorKind::ConnectionClosed,
    };
    let message = match () {
        // h2 does not tell these two apart.
        () if error.is_library() && error.is_reset() && reason == Reason::PROTOCOL_ERROR => format!(
            "the server violated HTTP/2: {code}; the response is malformed, or its head is far above `Config::head_bytes`"
        ),
        () if error.is_library() => format!("the server violated HTTP/2: {code}"),
        () if error.is_go_away() => format!("the server closed the HTTP/2 connection: {code}"),
        () => format!("the server reset the HTTP/2 stream: {code}"),
    };
    Error::new(kind, phase, message).with_source(error)
}

/// Returns the kind of an error of the transport. The limits of frames are such errors, too.
fn io_kind(error: &io::Error) -> ErrorKind {
    if let Some(own) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        return own.kind();
    }
    match ErrorKind::of_connection(error) {
        ErrorKind::Io if error.kind() == io::ErrorKind::UnexpectedEof => ErrorKind::ConnectionClosed,
        kind => kind,
    }
}

/// Returns the name of an error code (RFC 9113, section 7).
fn name(reason: Reason) -> &'static str {
    match reason {
        Reason::NO_ERROR => "NO_ERROR",
        Reason::PROTOCOL_ERROR => "PROTOCOL_ERROR",
        Reason::INTERNAL_ERROR => "INTERNAL_ERROR",
        Reason::FLOW_CONTROL_ERROR => "FLOW_CONTROL_ERROR",
        Reason::SETTINGS_TIMEOUT => "SETTINGS_TIMEOUT",
        Reason::STREAM_CLOSED => "STREAM_CLOSED",
        Reason::FRAME_SIZE_ERROR => "FRAME_SIZE_ERROR",
        Reason::REFUSED_STREAM => "REFUSED_STREAM",
        Reason::CANCEL => "CANCEL",
        Reason::COMPRESSION_ERROR => "COMPRESSION_ERROR",
        Reason::CONNECT_ERROR => "CONNECT_ERROR",
        Reason::ENHANCE_YOUR_CALM => "ENHANCE_YOUR_CALM",
        Reason::INADEQUATE_SECURITY => "INADEQUATE_SECURITY",
        Reason::HTTP_1_1_REQUIRED => "HTTP_1_1_REQUIRED",
        _ => "an unknown code",
    }
}
