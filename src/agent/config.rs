//! The settings of an agent that are about HTTP/1.1 itself: what a browser keeps to itself and nobody can set there.

use std::time::Duration;

use super::pool::key::IdleLimits;
use crate::http1::Limits;
use crate::message::extensions::Extension;

/// How long a server may think about a body it was asked about.
const CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);

/// How many bytes each byte of an encoded body may become.
const MAX_EXPANSION: u32 = 200;

/// How long a connection is kept without a request; servers close theirs after 5 to 75 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// The most connections kept for one origin.
const IDLE_PER_ORIGIN: usize = 512;

/// The most connections kept in total.
const IDLE_TOTAL: usize = 1024;

/// The settings of an [`Agent`](super::Agent).
///
/// The limits bound what an agent keeps in memory of what is not the body, whatever the server sends; a response beyond
/// one fails with [`LimitExceeded`](crate::ErrorKind::LimitExceeded).
///
/// # Examples
///
/// ```
/// use waterspout::agent::{Agent, Config};
/// use waterspout::testing::{ManualTimer, ScriptedConnector};
///
/// let config = Config::new().head_bytes(8 * 1024).header_count(100);
/// let agent = Agent::new(ScriptedConnector::default(), ManualTimer::new()).with_config(config);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a configuration does nothing until an agent has it"]
pub struct Config {
    pub(super) limits: Limits,
    pub(super) continue_timeout: Duration,
    pub(super) max_expansion: u32,
    pub(super) idle: IdleLimits,
}

impl Config {
    /// The default settings.
    pub fn new() -> Self {
        Self {
            limits: Limits::default(),
            continue_timeout: CONTINUE_TIMEOUT,
            max_expansion: MAX_EXPANSION,
            idle: IdleLimits { timeout: IDLE_TIMEOUT, per_origin: IDLE_PER_ORIGIN, total: IDLE_TOTAL },
        }
    }

    /// Sets the most bytes of a response's head, status line and headers together. Default: 64 KiB.
    pub fn head_bytes(mut self, bytes: usize) -> Self {
        self.limits.head = bytes;
        self
    }

    /// Sets how many bytes each byte of an encoded body may become once there is more than 1 MiB of them; 0 means any
    /// number. Default: 200.
    ///
    /// It is what ends a bomb that is read as a stream: gzip makes up to 1,032 bytes of one, brotli and zstd hundreds of
    /// thousands. Text becomes 5 to 50. Beyond, reading the body fails with
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded).
    pub fn max_expansion(mut self, bytes: u32) -> Self {
        self.max_expansion = bytes;
        self
    }

    /// Sets the most header lines of a response, and the most of its trailers. Default: 256.
    pub fn header_count(mut self, lines: usize) -> Self {
        self.limits.headers = lines;
        self
    }

    /// Sets the most bytes of the line before a chunk: its size, and extensions, which are ignored. Default: 4 KiB.
    pub fn chunk_line_bytes(mut self, bytes: usize) -> Self {
        self.limits.chunk_line = bytes;
        self
    }

    /// Sets the most bytes of a response's trailers. Default: 16 KiB.
    pub fn trailer_bytes(mut self, bytes: usize) -> Self {
        self.limits.trailers = bytes;
        self
    }

    /// Sets the most interim (1xx) responses before the real one; a server that sends more fails the request with
    /// [`Protocol`](crate::ErrorKind::Protocol). Default: 16.
    pub fn interim_responses(mut self, responses: usize) -> Self {
        self.limits.interim = responses;
        self
    }

    /// Sets how long a connection is kept without a request; zero means that none is kept. Default: 15 s, which is less
    /// than most servers keep theirs.
    pub fn idle_connection_timeout(mut self, limit: Duration) -> Self {
        self.idle.timeout = limit;
        self
    }

    /// Sets the most connections kept without a request for one origin; the one idle longest is closed for a further
    /// one. Default: 512.
    pub fn idle_connections_per_origin(mut self, connections: usize) -> Self {
        self.idle.per_origin = connections;
        self
    }

    /// Sets the most connections kept without a request in total. Default: 1,024.
    pub fn idle_connections(mut self, connections: usize) -> Self {
        self.idle.total = connections;
        self
    }

    /// Sets how long a request that [asks first](crate::RequestOptions::expect_continue) waits for the server's word
    /// before it sends its body without; zero means for ever, or rather until another limit passes. Default: 1 s.
    pub fn continue_timeout(mut self, limit: Duration) -> Self {
        self.continue_timeout = limit;
        self
    }
}

/// A request's own configuration stands in for the agent's as a whole.
impl Extension for Config {
    const NAME: &'static str = "config";
    const BACKEND: &'static str = "agent";
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}
