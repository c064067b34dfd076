//! The kind of an error: what went wrong, in terms a program can act on.

/// What went wrong, in terms a program can act on.
///
/// # Examples
///
/// ```
/// use waterspout::{ErrorKind, Request};
///
/// let error = Request::get("ftp://example.com/").build().unwrap_err();
/// match error.kind() {
///     ErrorKind::UnsupportedScheme => println!("only http and https: {}", error.report()),
///     // A later version may add kinds.
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is not a URL, or the URL names no host.
    InvalidUrl,
    /// The URL's scheme is neither `http` nor `https`, or the connector does not speak it.
    UnsupportedScheme,
    /// A method, header or option of the request or client is not allowed.
    InvalidRequest,
    /// A time limit passed. [`Error::phase`](crate::Error::phase) names the wait,
    /// [`Error::timeout`](crate::Error::timeout) the limit. Without a limit it was a limit of the platform's own
    /// `fetch`.
    Timeout,
    /// The host's name has no address, or the look-up failed.
    Dns,
    /// No connection to the server could be made.
    Connect,
    /// The network's address filter allows no address of the host, or a proxy would hide the address from it; see
    /// `Network::deny_private` of the native platform. Nothing was sent.
    AddressDenied,
    /// A proxy could not be reached, refused, or gave no valid response. [`Error::status`](crate::Error::status) is the
    /// status of the proxy's response, if it sent a response.
    Proxy,
    /// The TLS handshake failed, or TLS failed later: the server sent an alert, such as `certificate_required` of TLS
    /// 1.3, or a record cannot be decrypted. The message and the source tell apart a certificate that has expired, is
    /// for another host or comes from an issuer that is not trusted.
    Tls,
    /// The server closed the connection before the response was complete, or before a stream had received the bytes it
    /// waits for.
    ConnectionClosed,
    /// The server's bytes are not a valid response of HTTP/1.1 or HTTP/2.
    Protocol,
    /// Reading or writing an open connection failed.
    Io,
    /// The platform's own `fetch` failed and gave no detail. In a browser this covers name look-up, connection, TLS,
    /// CORS and broken responses.
    Network,
    /// A redirect could not be followed: too many, a bad target, or a downgrade from https.
    Redirect,
    /// A redirect or a challenge requires the request's body a second time, and the body can be read only once.
    ///
    /// Retries never cause this error: a request whose body cannot be replayed is not [retried](crate::Retry).
    BodyNotReplayable,
    /// Reading the request's body failed, or its length differs from the declared length.
    RequestBody,
    /// A head, a body or the buffer of a stream is larger than its limit.
    LimitExceeded,
    /// The body does not have the requested format, such as JSON.
    Decode,
    /// [`Response::error_for_status`](crate::Response::error_for_status) found a status of 400 or above.
    Status,
    /// The origin has failed repeatedly, and the circuit breaker refuses requests to it for a while; see
    /// [`CircuitBreaker`](crate::CircuitBreaker).
    CircuitOpen,
    /// The platform does not support the request, option or operation.
    Unsupported,
    /// There will be no result: a [`Pending`](crate::tornado::Pending) was cancelled, its promise was dropped, or, in a
    /// browser, the page or its service worker aborted the fetch.
    Cancelled,
    /// The client's queue is full: as many requests wait for a slot as the client allows. Nothing was sent.
    QueueFull,
    /// The client's queue was cleared while the request waited in it. Nothing was sent, unless the request waited for a
    /// retry: then [`Error::attempts`](crate::Error::attempts) has the earlier attempts.
    Cleared,
    /// The client is closed. [`Error::phase`](crate::Error::phase) and [`Error::attempts`](crate::Error::attempts) tell
    /// whether the request had begun.
    Closed,
}

impl ErrorKind {
    /// Returns the kind's stable name in JavaScript: the `code` of the npm package's errors.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(waterspout::ErrorKind::QueueFull.code(), "QUEUE_FULL");
    /// ```
    pub const fn code(self) -> &'static str {
        // Without a wildcard, so that a new kind does not compile until it has a name.
        match self {
            Self::InvalidUrl => "INVALID_URL",
            Self::UnsupportedScheme => "UNSUPPORTED_SCHEME",
            Self::InvalidRequest => "INVALID_REQUEST",
            Self::Timeout => "TIMEOUT",
            Self::Dns => "DNS",
            Self::Connect => "CONNECT",
            Self::AddressDenied => "ADDRESS_DENIED",
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
