//! The only error type: one opaque value with a kind, the phase it happened in, and its cause.
//!
//! It is opaque so that a later version can say more without breaking a `match`. Ask it questions
//! ([`Error::kind`], [`Error::phase`], [`Error::is_timeout`]) or print it: `Display` is one line that
//! ends in the root cause.

mod attempt;
mod report;
mod timeout;

use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

pub use self::attempt::Attempt;
pub(crate) use self::attempt::TRANSIENT_STATUSES;
pub use self::timeout::Timeout;

/// A `Result` whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How many characters of a server's reason phrase an error repeats.
const LONGEST_REASON: usize = 100;

/// The cause of an [`Error`], as another error.
pub type Source = Box<dyn StdError + Send + Sync>;

/// What went wrong, in terms a program can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is not a URL, or not one that names a host.
    InvalidUrl,
    /// The URL's scheme is neither `http` nor `https`, or no connector speaks it.
    UnsupportedScheme,
    /// A method, header or option of the request or client is not allowed.
    InvalidRequest,
    /// A time limit passed; [`Error::phase`] says in what wait, [`Error::timeout`] which limit. Without one it was a limit of the
    /// platform's own `fetch`.
    Timeout,
    /// The host's name has no address, or the look-up failed.
    Dns,
    /// No connection to the server could be made.
    Connect,
    /// A proxy could not be reached, refused, or gave no proper answer; [`Error::status`] is its status, if it gave one.
    Proxy,
    /// The TLS handshake failed; the message and the source tell a certificate that has expired, is for another host or
    /// comes from an issuer that is not trusted.
    Tls,
    /// The server closed the connection before the response, or what a stream waited for, was complete.
    ConnectionClosed,
    /// The server's bytes are not a valid HTTP/1.1 response.
    Protocol,
    /// Reading or writing an open connection failed.
    Io,
    /// The platform's own `fetch` failed and did not say more (in a browser this covers name look-up,
    /// connection, TLS, CORS and broken responses).
    Network,
    /// A redirect could not be followed: too many, a bad target, or a downgrade from https.
    Redirect,
    /// The request's body must be sent a second time, after a redirect or a challenge, and cannot be: it is a one-shot
    /// stream. A [retry](crate::Retry) is not made then, and this error not either.
    BodyNotReplayable,
    /// The request's body failed while being read, or is not as long as it said.
    RequestBody,
    /// A head, a body or the buffer of a stream is larger than a limit allows.
    LimitExceeded,
    /// The body is not what the caller asked it to be (JSON, for instance).
    Decode,
    /// [`Response::error_for_status`](crate::Response::error_for_status) met a status of 400 or above.
    Status,
    /// The origin has failed again and again and is left alone for a while; see [`CircuitBreaker`](crate::CircuitBreaker).
    CircuitOpen,
    /// The platform cannot do what was asked.
    Unsupported,
    /// There will be no result: a [`Pending`](crate::tornado::Pending) was cancelled, whoever was to settle it has gone, or, in a browser,
    /// the page or its service worker aborted the fetch.
    Cancelled,
    /// As many requests wait for a slot as the client allows; nothing was sent.
    QueueFull,
    /// The client's queue was cleared while the request waited in it; nothing was sent.
    Cleared,
    /// The client is closed; [`Error::phase`] says whether the request had begun.
    Closed,
}

impl ErrorKind {
    /// The kind's stable name in JavaScript: the `code` of the npm package's errors.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidUrl => "INVALID_URL",
            Self::UnsupportedScheme => "UNSUPPORTED_SCHEME",
            Self::InvalidRequest => "INVALID_REQUEST",
            Self::Timeout => "TIMEOUT",
            Self::Dns => "DNS",
            Self::Connect => "CONNECT",
            Self::Proxy => "PROXY",
            Self::Tls => "TLS",
            Self::ConnectionClosed => "CONNECTION_CLOSED",
            Self::Protocol => "PROTOCOL",
            Self::Io => "IO",
            Self::Network => "NETWORK",
            Self::Redirect => "REDIRECT",
            Self::BodyNotReplayable => "BODY_NOT_REPLAYABLE",
            Self::RequestBody => "REQUEST_BODY",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::Decode => "DECODE",
            Self::Status => "STATUS",
            Self::CircuitOpen => "CIRCUIT_OPEN",
            Self::Unsupported => "UNSUPPORTED",
            Self::Cancelled => "CANCELLED",
            Self::QueueFull => "QUEUE_FULL",
            Self::Cleared => "CLEARED",
            Self::Closed => "CLOSED",
        }
    }
}

/// The wait or step of a request in which something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Building the request: nothing was sent.
    Request,
    /// Waiting for one of the client's slots.
    Queue,
    /// Looking up the host and connecting to it. In a browser this is part of [`Phase::Head`].
    Connect,
    /// Sending the request and waiting for the response's head.
    Head,
    /// Reading the response's body.
    Body,
    /// Reading or writing an [`IoStream`](crate::tornado::IoStream), which is not part of any request.
    Stream,
}

impl Phase {
    /// The phase's stable name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Queue => "queue",
            Self::Connect => "connect",
            Self::Head => "head",
            Self::Body => "body",
            Self::Stream => "stream",
        }
    }

    const fn activity(self) -> &'static str {
        match self {
            Self::Request => "building the request",
            Self::Queue => "waiting for a free slot",
            Self::Connect => "connecting",
            Self::Head => "waiting for the response's head",
            Self::Body => "reading the body",
            Self::Stream => "using a stream",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error of waterspout. A clone shares the cause.
///
/// # Examples
///
/// ```
/// use waterspout::{Client, ErrorKind, Phase};
/// # futures::executor::block_on(async {
/// let client = Client::new();
/// let error = client.get("http://[not a host]/").await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidUrl);
/// assert_eq!(error.phase(), Phase::Request);
/// # });
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    phase: Phase,
    message: Cow<'static, str>,
    url: Option<String>,
    /// The time limit that passed, and its length.
    timeout: Option<(Timeout, Duration)>,
    elapsed: Option<Duration>,
    status: Option<StatusCode>,
    reason: Option<Box<str>>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    attempts: Vec<Attempt>,
    reused: Option<bool>,
    /// Bytes sent and received.
    bytes: Option<(u64, u64)>,
}

impl Error {
    /// An error of this kind, in this phase, that says `message`. For backends and connectors of your own.
    pub fn new(kind: ErrorKind, phase: Phase, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            phase,
            message: message.into(),
            url: None,
            timeout: None,
            elapsed: None,
            status: None,
            reason: None,
            source: None,
            attempts: Vec::new(),
            reused: None,
            bytes: None,
        }))
    }

    pub(crate) fn request(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(kind, Phase::Request, message)
    }

    pub(crate) fn cancelled(message: &'static str) -> Self {
        Self::request(ErrorKind::Cancelled, message)
    }

    /// Makes the error for a `timeout` of length `limit` that passed in `phase`, `elapsed` after the wait began.
    pub(crate) fn timed_out(phase: Phase, timeout: Timeout, limit: Duration, elapsed: Duration) -> Self {
        let mut error = Self::new(ErrorKind::Timeout, phase, "timed out");
        error.0.timeout = Some((timeout, limit));
        error.0.elapsed = Some(elapsed);
        error
    }

    /// The phrase after the status may be the server's own: of a long one only the beginning is told.
    pub(crate) fn for_status(status: StatusCode, reason: Option<&str>) -> Self {
        let mut error =
            Self::new(ErrorKind::Status, Phase::Head, "the server answered with an error").with_status(status);
        error.0.reason = reason.map(|reason| reason.chars().take(LONGEST_REASON).collect());
        error
    }

    /// The same error, about this status.
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self.0.reason = status.canonical_reason().map(Into::into);
        self
    }

    /// The same error with `source` as its cause.
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// The same error, about `url`; user name and password are left out.
    pub fn with_url(mut self, url: &crate::Url) -> Self {
        self.0.url.get_or_insert_with(|| url.redacted());
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Where in the request's life it went wrong.
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// The URL the request was for, without user name and password.
    pub fn url(&self) -> Option<&str> {
        self.0.url.as_deref()
    }

    /// Returns which time limit passed.
    ///
    /// It is `None` for other errors, and if a limit of the platform's own `fetch` passed.
    pub fn timeout(&self) -> Option<Timeout> {
        self.0.timeout.map(|(timeout, _)| timeout)
    }

    /// Returns the length of the time limit that passed, as the option of [`timeout`](Self::timeout) sets it.
    pub fn limit(&self) -> Option<Duration> {
        self.0.timeout.map(|(_, limit)| limit)
    }

    /// How long the limited wait had lasted when its limit passed.
    pub fn elapsed(&self) -> Option<Duration> {
        self.0.elapsed
    }

    /// The status, if the error is about one.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// Whether a time limit passed.
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::Timeout
    }

    /// Whether no connection could be made: the look-up or the connection failed or took too long.
    ///
    /// # Platform
    /// A browser does not show its connections, so there this is never true.
    pub fn is_connect(&self) -> bool {
        self.phase() == Phase::Connect
    }

    /// Whether the network, the server or the bytes between them are at fault, rather than the request or a limit.
    pub fn is_network(&self) -> bool {
        use ErrorKind::{Connect, ConnectionClosed, Dns, Io, Network, Protocol, Proxy, Tls};
        matches!(self.kind(), Dns | Connect | Proxy | Tls | ConnectionClosed | Protocol | Io | Network)
    }

    /// Whether the request was never sent because it is wrong in itself.
    pub fn is_invalid_request(&self) -> bool {
        use ErrorKind::{InvalidRequest, InvalidUrl, UnsupportedScheme};
        matches!(self.kind(), InvalidUrl | InvalidRequest | UnsupportedScheme)
    }

    /// The last error in the chain of sources, if there is any.
    fn root(&self) -> Option<&(dyn StdError + 'static)> {
        let mut root = self.source()?;
        while let Some(next) = root.source() {
            root = next;
        }
        Some(root)
    }
}

/// For what cannot fail to become a request or a URL.
impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.write_str(&inner.message)?;
        if self.is_timeout() || (self.is_network() && !matches!(inner.phase, Phase::Request | Phase::Stream)) {
            write!(f, " while {}", inner.phase.activity())?;
        }
        if let Some((timeout, limit)) = inner.timeout {
            let (count, unit) = report::in_units(limit);
            write!(f, " (limit `{}`: {count}{unit})", timeout.name())?;
        }
        if let Some(status) = &inner.status {
            write!(f, ": {}", status.as_u16())?;
        }
        if let Some(reason) = &inner.reason {
            write!(f, " {reason}")?;
        }
        if let Some(url) = &inner.url {
            write!(f, ", for {url}")?;
        }
        match self.root() {
            Some(root) => report::one_line(f, &root.to_string()),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("phase", &self.0.phase)
            .field("message", &self.0.message)
            .field("url", &self.0.url)
            .field("timeout", &self.0.timeout)
            .field("attempts", &self.0.attempts)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
