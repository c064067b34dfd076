//! Limits of what a server may send besides the body, and how strictly its lines are read. HTTP/2 has the same limits.

use crate::error::{Error, ErrorKind, Phase};

/// Bounds of the parts of a response that are not the body. A response beyond a bound fails.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Http1Limits {
    /// Maximum bytes of a head.
    pub(crate) head: usize,
    /// Maximum number of header lines in a head, and in trailers.
    pub(crate) headers: usize,
    /// Maximum bytes of the line before a chunk. Its extensions are the larger part.
    pub(crate) chunk_line: usize,
    /// Maximum bytes of trailers.
    pub(crate) trailers: usize,
    /// Maximum bytes of the heads of all informational (1xx) responses before the final response, together.
    pub(crate) informational: usize,
    /// Whether malformed lines of heads and trailers are skipped. Otherwise such a line fails the response.
    pub(crate) ignore_invalid_headers: bool,
}

impl Default for Http1Limits {
    fn default() -> Self {
        Self {
            head: 64 * 1024,
            headers: 256,
            chunk_line: 4 * 1024,
            trailers: 16 * 1024,
            // Bytes and not a number of responses: a server may send `102 Processing` every few seconds for hours.
            informational: 256 * 1024,
            ignore_invalid_headers: false,
        }
    }
}

impl Http1Limits {
    /// Creates the error for a head that is larger than its limit.
    pub(crate) fn head_is_too_large(&self) -> Error {
        let message = format!("the response's head is larger than {} bytes, its limit", self.head);
        Error::new(ErrorKind::LimitExceeded, Phase::Head, message)
    }

    /// Creates the error for informational responses that are together larger than their limit.
    pub(crate) fn informational_is_too_large(&self) -> Error {
        let message = format!(
            "the informational (1xx) responses before the final response are larger than {} bytes together, the limit \
             of `Config::informational_bytes`",
            self.informational
        );
        Error::new(ErrorKind::LimitExceeded, Phase::Head, message)
    }

    /// Creates the error for trailers that are larger than their limit.
    pub(crate) fn trailers_are_too_large(&self) -> Error {
        let message = format!("the trailers are larger than {} bytes, their limit", self.trailers);
        Error::new(ErrorKind::LimitExceeded, Phase::Body, message)
    }
}
