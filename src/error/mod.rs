//! The only error type: an opaque value with a kind, the phase it happened in, and its cause.
//!
//! It is opaque so that a later version can say more without breaking a `match`. Query it
//! ([`Error::kind`], [`Error::phase`], [`Error::is_timeout`]) or print it: `Display` writes what failed on a single
//! line, and [`Error::report`] adds the causes.

mod attempt;
mod connect_step;
mod connection;
mod debug;
mod display;
mod kind;
mod phase;
mod report;
mod timeout;
mod transfer;

use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

pub use self::attempt::Attempt;
pub(crate) use self::attempt::TRANSIENT_STATUSES;
pub use self::connect_step::ConnectStep;
pub use self::kind::ErrorKind;
pub use self::phase::Phase;
pub use self::timeout::Timeout;
pub use self::transfer::Transfer;

/// A `Result` whose error is [`Error`].
///
/// It has a single parameter, so that `waterspout::Result::Ok(value)` needs no type for the error.
///
/// # Examples
///
/// ```
/// let parse = |text: &str| waterspout::Result::Ok(text.len());
/// assert_eq!(parse("hello").unwrap(), 5);
/// ```
pub type Result<T> = std::result::Result<T, Error>;

/// The maximum number of characters of a server's reason phrase that an error repeats.
const MAX_REASON_LENGTH: usize = 100;

/// The cause of an [`Error`], as another error.
pub type Source = Box<dyn StdError + Send + Sync>;

/// An error of this crate. A clone shares the cause.
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
// In a box, because every `Result` of the crate has room for an error: a pointer keeps it small.
#[derive(Clone)]
pub struct Error(Box<ErrorDetails>);

#[derive(Clone)]
struct ErrorDetails {
    kind: ErrorKind,
    phase: Phase,
    message: Cow<'static, str>,
    /// The URL of the request, without user name and password.
    url: Option<String>,
    /// The time limit that passed, and its length.
    timeout: Option<(Timeout, Duration)>,
    elapsed: Option<Duration>,
    /// The minimum rate that the body missed, in bytes per second.
    min_download_rate: Option<u64>,
    status: Option<StatusCode>,
    reason: Option<Box<str>>,
    // Shared: a clone of an error cannot clone its cause.
    source: Option<Arc<dyn StdError + Send + Sync>>,
    attempts: Vec<Attempt>,
    transfer: Transfer,
    /// The step of connecting in which the connect limit passed.
    connect_step: Option<ConnectStep>,
}

impl Error {
    /// Returns an error of this kind, in this phase, with `message` as its text. For your own backends and connectors.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Error, ErrorKind, Phase};
    ///
    /// let error = Error::new(ErrorKind::Dns, Phase::Connect, "the name has no address");
    /// assert_eq!(error.to_string(), "the name has no address");
    /// ```
    pub fn new(kind: ErrorKind, phase: Phase, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(ErrorDetails {
            kind,
            phase,
            message: message.into(),
            url: None,
            timeout: None,
            elapsed: None,
            min_download_rate: None,
            status: None,
            reason: None,
            source: None,
            attempts: Vec::new(),
            transfer: Transfer::default(),
            connect_step: None,
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

    /// Returns the same error with `message` as its text.
    pub(crate) fn with_message(mut self, message: String) -> Self {
        self.0.message = message.into();
        self
    }

    /// Makes the error for a body of fewer than `bytes_per_second` on average over `window`.
    pub(crate) fn too_slow(bytes_per_second: u64, window: Duration) -> Self {
        let message = format!("the server sent fewer than {bytes_per_second} bytes per second");
        let mut error = Self::new(ErrorKind::Timeout, Phase::Body, message);
        error.0.timeout = Some((Timeout::DownloadRate, window));
        error.0.elapsed = Some(window);
        error.0.min_download_rate = Some(bytes_per_second);
        error
    }

    /// Returns the error of an unwanted status. `reason` may be the server's own text, so it is cut to 100 characters.
    pub(crate) fn for_status(status: StatusCode, reason: Option<&str>) -> Self {
        let mut error =
            Self::new(ErrorKind::Status, Phase::Head, "the server answered with an error").with_status(status);
        error.0.reason = reason.map(|reason| reason.chars().take(MAX_REASON_LENGTH).collect());
        error
    }

    /// Returns the same error with `status` and its standard phrase.
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self.0.reason = status.canonical_reason().map(Into::into);
        self
    }

    /// Returns the same error with `source` as its cause.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::error::Error as _;
    /// use waterspout::{Error, ErrorKind, Phase};
    ///
    /// let cause = std::io::Error::other("disk on fire");
    /// let error = Error::new(ErrorKind::RequestBody, Phase::Head, "the file could not be read").with_source(cause);
    /// assert!(error.source().unwrap().is::<std::io::Error>());
    /// assert_eq!(error.to_string(), "the file could not be read");
    /// ```
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// Returns the same error with `url`, without user name and password. A URL set before stays.
    ///
    /// The text and the debug output of the error show the URL with `***` in place of the values of its query and of its
    /// fragment, which may be secrets. The path is shown.
    pub fn with_url(mut self, url: &crate::Url) -> Self {
        // The first URL stays: the agent knows which URL of a chain of redirects failed, the client only the first.
        self.0.url.get_or_insert_with(|| url.without_userinfo());
        self
    }

    /// Returns the same error without its URL, for programs in which the path or the names of the query are secret, or
    /// which print the URL themselves.
    ///
    /// The causes of the error stay as they are.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Error, ErrorKind, Phase, Url};
    ///
    /// let url = Url::parse("http://example.com/reset/5f1d?user=7")?;
    /// let error = Error::new(ErrorKind::Io, Phase::Body, "the connection failed").with_url(&url);
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the connection failed while reading the body, for http://example.com/reset/5f1d?user=***"
    /// );
    /// assert_eq!(error.without_url().to_string(), "the connection failed while reading the body");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    #[must_use]
    pub fn without_url(mut self) -> Self {
        self.0.url = None;
        self
    }

    /// Returns what went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the phase of the request in which it went wrong.
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// Returns the URL of the request, without user name and password.
    ///
    /// The query and the fragment are complete here and may hold secrets: do not log the returned text. The text and the
    /// debug output of the error hide them.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Error, ErrorKind, Phase, Url};
    ///
    /// let url = Url::parse("http://user:secret@example.com/?token=7")?;
    /// let error = Error::new(ErrorKind::Io, Phase::Stream, "broken pipe").with_url(&url);
    /// assert_eq!(error.url(), Some("http://example.com/?token=7"));
    /// assert_eq!(error.to_string(), "broken pipe, for http://example.com/?token=***");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
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

    /// Returns how long the limited wait had lasted when its limit passed.
    pub fn elapsed(&self) -> Option<Duration> {
        self.0.elapsed
    }

    /// Returns the minimum rate that the response's body missed, in bytes per second. [`limit`](Self::limit) is then the
    /// window over which the rate was measured. `None` for other errors.
    pub fn min_download_rate(&self) -> Option<u64> {
        self.0.min_download_rate
    }

    /// Returns the status that caused the error, if a status did.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::StatusCode;
    /// use waterspout::Response;
    ///
    /// let response = Response::builder(StatusCode::NOT_FOUND, "http://example.com/").body("")?;
    /// assert_eq!(response.error_for_status().unwrap_err().status(), Some(StatusCode::NOT_FOUND));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// Returns whether a time limit passed.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use futures::FutureExt;
    /// use waterspout::Client;
    /// use waterspout::testing::{ManualTimer, MockBackend};
    ///
    /// let timer = ManualTimer::new();
    /// let builder = Client::builder().timer(timer.clone()).backend(MockBackend::pending());
    /// let client = builder.timeout(Duration::from_secs(20)).build()?;
    /// let mut page = client.get("http://example.com/").send().boxed();
    /// assert!((&mut page).now_or_never().is_none());
    /// timer.advance(Duration::from_secs(20));
    /// assert!(page.now_or_never().unwrap().unwrap_err().is_timeout());
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::Timeout
    }

    /// Returns whether no connection could be made: the look-up or the connection failed or took too long.
    ///
    /// # Platform
    /// A browser does not show its connections, so there this is always `false`.
    pub fn is_connect(&self) -> bool {
        // By phase, not kind: a time limit or a failed TLS handshake while connecting counts as well.
        self.phase() == Phase::Connect
    }

    /// Returns whether the network, the server or the bytes between them are at fault, not the request or a limit.
    pub fn is_network(&self) -> bool {
        use ErrorKind::{Connect, ConnectionClosed, Dns, Io, Network, Protocol, Proxy, Tls};
        matches!(self.kind(), Dns | Connect | Proxy | Tls | ConnectionClosed | Protocol | Io | Network)
    }

    /// Returns whether the request was never sent because the request itself is invalid.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Request;
    ///
    /// let error = Request::get("http://example.com/").header("not a name", "x").build().unwrap_err();
    /// assert!(error.is_invalid_request() && !error.is_network());
    /// ```
    pub fn is_invalid_request(&self) -> bool {
        use ErrorKind::{InvalidRequest, InvalidUrl, UnsupportedScheme};
        matches!(self.kind(), InvalidUrl | InvalidRequest | UnsupportedScheme)
    }

    /// Returns the message alone.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }
}

/// For conversions into a request or a URL that cannot fail.
impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
