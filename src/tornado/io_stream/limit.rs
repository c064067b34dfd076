//! The limits of a stream's buffers and reads.

use std::fmt;

use crate::error::{Error, ErrorKind, Phase};

/// The limit of an [`IoStream`](super::IoStream) that was exceeded, in bytes: the [source](std::error::Error::source)
/// of an error of kind [`LimitExceeded`](ErrorKind::LimitExceeded) in the phase [`Stream`](Phase::Stream).
///
/// # Examples
///
/// ```
/// use std::error::Error;
///
/// use waterspout::testing::{Script, ScriptedConnector};
/// use waterspout::tornado::{IoStream, StreamLimit};
/// use waterspout::{Connector, Url};
///
/// # futures::executor::block_on(async {
/// let server = ScriptedConnector::new([Script::new().send("a line without an end")]);
/// let origin = Url::parse("http://mail.example")?.origin();
/// let stream = IoStream::connecting(async move { server.connect(&origin).await });
/// let error = stream.read_until("\r\n", 16).await.unwrap_err();
/// let limit = error.source().and_then(|cause| cause.downcast_ref::<StreamLimit>());
/// assert_eq!(limit, Some(&StreamLimit::Delimiter(16)));
/// # Ok::<(), waterspout::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamLimit {
    /// A read found no delimiter within this many bytes.
    Delimiter(usize),
    /// A read found no match of its pattern within this many bytes.
    Match(usize),
    /// A read needs more bytes than the [read buffer](super::IoStream::max_read_buffer) may hold.
    ReadBuffer(usize),
    /// The bytes of a write do not fit into the [write buffer](super::IoStream::max_write_buffer) beside the bytes that
    /// wait.
    WriteBuffer(usize),
}

impl fmt::Display for StreamLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delimiter(max) => write!(f, "no delimiter within {max} bytes"),
            Self::Match(max) => write!(f, "no match within {max} bytes"),
            Self::ReadBuffer(max) => write!(f, "more than the {max} bytes that the read buffer may hold"),
            Self::WriteBuffer(max) => write!(f, "more than the {max} bytes that the write buffer may hold"),
        }
    }
}

impl std::error::Error for StreamLimit {}

impl From<StreamLimit> for Error {
    fn from(limit: StreamLimit) -> Self {
        let message = match limit {
            StreamLimit::WriteBuffer(_) => "the stream's write buffer is full",
            _ => "the stream's read exceeds a limit",
        };
        Self::new(ErrorKind::LimitExceeded, Phase::Stream, message).with_source(limit)
    }
}
