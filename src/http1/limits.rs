//! Limits of what a server may send besides the body, and how strictly its lines are read.

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
