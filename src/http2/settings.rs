//! What a program may set for HTTP/2.

/// The window of a stream in bytes: how much of a response's body a server may send before the caller takes it.
pub(crate) const STREAM_WINDOW: u32 = 2 * 1024 * 1024;

/// The window of a connection in bytes, for all its streams together.
pub(crate) const CONNECTION_WINDOW: u32 = 5 * 1024 * 1024;

/// The settings of HTTP/2 connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Http2Settings {
    pub(crate) stream_window: u32,
    pub(crate) connection_window: u32,
    /// Maximum number of connections with the same key.
    pub(crate) connections: usize,
}

impl Default for Http2Settings {
    fn default() -> Self {
        Self { stream_window: STREAM_WINDOW, connection_window: CONNECTION_WINDOW, connections: 2 }
    }
}
