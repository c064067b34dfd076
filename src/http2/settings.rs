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

/// The smallest window in bytes: the window that each stream has before the settings arrive (RFC 9113, section 6.9.2).
const MIN_WINDOW: u32 = 65_535;

/// The largest window in bytes (RFC 9113, section 6.9.1).
const MAX_WINDOW: u32 = (1 << 31) - 1;

/// Sets the windows, within what HTTP/2 allows.
pub(crate) fn set_windows(settings: &mut Http2Settings, stream: u32, connection: u32) {
    settings.stream_window = stream.clamp(MIN_WINDOW, MAX_WINDOW);
    settings.connection_window = connection.clamp(MIN_WINDOW, MAX_WINDOW);
}

/// Sets the maximum number of connections, at least 1.
pub(crate) fn set_connections(settings: &mut Http2Settings, maximum: usize) {
    settings.connections = maximum.max(1);
}
