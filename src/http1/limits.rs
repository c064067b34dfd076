//! How much a server may send before it is told that it is too much.

/// Bounds of what is not the body itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The most bytes of a head.
    pub(crate) head: usize,
    /// The most header lines, of a head and of trailers.
    pub(crate) headers: usize,
    /// The most bytes of the line before a chunk; its extensions are most of it.
    pub(crate) chunk_line: usize,
    /// The most bytes of trailers.
    pub(crate) trailers: usize,
    /// The most interim (1xx) responses before the real one.
    pub(crate) interim: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head: 64 * 1024, headers: 256, chunk_line: 4 * 1024, trailers: 16 * 1024, interim: 16 }
    }
}
