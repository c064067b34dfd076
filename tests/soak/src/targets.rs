//! The servers that requests go to, with the errors that each may cause.

use waterspout::ErrorKind;

/// A server, and the path to it.
pub struct Target {
    pub name: &'static str,
    /// The beginning of its URLs.
    pub http: String,
    pub https: String,
    /// The beginning of its URLs for clients that speak HTTP/2 by prior knowledge.
    pub h2c: String,
    /// How often the target is chosen.
    pub weight: u64,
    /// The errors that its troubles may cause. Every other error is a violation.
    pub errors: &'static [ErrorKind],
    /// The statuses that it may answer instead of 200.
    pub statuses: &'static [u16],
}

/// No trouble at all: every request must succeed.
pub const CALM: &[ErrorKind] = &[];

/// Packets are late or never come.
pub const SILENT: &[ErrorKind] = &[ErrorKind::Timeout];

/// Connections end at any time, or cannot be made.
pub const BREAKING: &[ErrorKind] = &[
    ErrorKind::Timeout,
    ErrorKind::Connect,
    ErrorKind::ConnectionClosed,
    ErrorKind::Io,
    // A handshake that the end of the connection interrupts.
    ErrorKind::Tls,
];

/// As [`BREAKING`], and the proxy refuses tunnels.
pub const PROXIED: &[ErrorKind] = &[
    ErrorKind::Timeout,
    ErrorKind::Connect,
    ErrorKind::ConnectionClosed,
    ErrorKind::Io,
    ErrorKind::Tls,
    ErrorKind::Proxy,
];
