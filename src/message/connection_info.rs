//! How one exchange with a server went: over which connection, and how long its parts took.

use std::net::SocketAddr;
use std::time::Duration;

use http::StatusCode;

use crate::message::url::Url;

/// One exchange of a request and a response.
///
/// # Platform
/// A browser shows none of it: there everything is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// Whether the connection had carried an exchange before.
    pub reused: bool,
    /// The address of the server, or of the proxy in between.
    pub remote_address: Option<SocketAddr>,
    /// The address that the request came from.
    pub local_address: Option<SocketAddr>,
    /// How long looking up the address took; nothing on a connection that was kept.
    pub dns: Option<Duration>,
    /// How long connecting took, without TLS; nothing on a connection that was kept.
    pub connect: Option<Duration>,
    /// How long the TLS handshake took; nothing on a connection that was kept or has no TLS.
    pub tls: Option<Duration>,
    /// The time from the beginning of the request to the first byte of the answer.
    pub first_byte: Option<Duration>,
}

/// A response that was followed to another: a redirect on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hop {
    /// Where the redirect came from.
    pub url: Url,
    /// Its status.
    pub status: StatusCode,
    /// How the exchange went.
    pub exchange: Exchange,
}

/// How long the parts of a request took. What is not known, or not yet, is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timings {
    /// The wait for a slot of the client.
    pub queue: Option<Duration>,
    /// Looking up the address, on the last hop.
    pub dns: Option<Duration>,
    /// Connecting, without TLS, on the last hop.
    pub connect: Option<Duration>,
    /// The TLS handshake, on the last hop.
    pub tls: Option<Duration>,
    /// From the beginning of the last hop's exchange to the first byte of its answer.
    pub first_byte: Option<Duration>,
    /// From the call to the end of the body; known once that has been read.
    pub total: Option<Duration>,
}
