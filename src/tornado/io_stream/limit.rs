//! What a stream refuses to hold.

use std::fmt;

use crate::error::{Error, ErrorKind, Phase};

/// Which limit of an [`IoStream`](super::IoStream) was met, in bytes: the [source](std::error::Error::source) of an error
/// of kind [`LimitExceeded`](ErrorKind::LimitExceeded) in the phase [`Stream`](Phase::Stream).
///
/// # Examples
///
/// ```
/// use std::error::Error;
///
/// use waterspout::tornado::StreamLimit;
///
/// fn is_too_long(error: &waterspout::Error) -> bool {
///     matches!(error.source().and_then(|cause| cause.downcast_ref()), Some(StreamLimit::Delimiter(_)))
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamLimit {
    /// A read found no delimiter within this many bytes.
    Delimiter(usize),
    /// A read found no match of its pattern within this many bytes.
    Match(usize),
    /// A read needs more than the read buffer may hold.
    ReadBuffer(usize),
    /// The bytes of a write are more than the write buffer may still take.
    WriteBuffer(usize),
}

impl fmt::Display for StreamLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delimiter(most) => write!(f, "no delimiter within {most} bytes"),
            Self::Match(most) => write!(f, "no match within {most} bytes"),
            Self::ReadBuffer(most) => write!(f, "more than the {most} bytes that the read buffer may hold"),
            Self::WriteBuffer(most) => write!(f, "more than the {most} bytes that the write buffer may hold"),
        }
    }
}

impl std::error::Error for StreamLimit {}

impl From<StreamLimit> for Error {
    fn from(limit: StreamLimit) -> Self {
        let message = match limit {
            StreamLimit::WriteBuffer(_) => "the stream takes no more to write",
            _ => "the stream cannot be read so far",
        };
        Self::new(ErrorKind::LimitExceeded, Phase::Stream, message).with_source(limit)
    }
}
