//! The time limits of a request, by name.

use std::fmt;

/// A time limit of a request.
///
/// [`Error::timeout`](crate::Error::timeout) says which limit passed, [`Error::limit`](crate::Error::limit) how long it
/// was. The option that sets a limit is named beside it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::testing::{ManualTimer, MockBackend};
/// use waterspout::{Client, Timeout};
///
/// # futures::executor::block_on(async {
/// // The clock of this client stands still until `advance` is called.
/// let timer = ManualTimer::new();
/// let client = Client::builder().backend(MockBackend::pending()).timer(timer.clone()).build()?;
/// let request = client.get("http://example.com/").timeout(Duration::from_secs(5)).send();
/// let advance = async { timer.advance(Duration::from_secs(5)) };
/// let (outcome, ()) = futures::future::join(request, advance).await;
/// let error = outcome.unwrap_err();
/// assert_eq!(error.timeout(), Some(Timeout::Request));
/// assert_eq!(error.limit(), Some(Duration::from_secs(5)));
/// # Ok::<(), waterspout::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Timeout {
    /// The wait for a slot of the client: `queue_timeout`.
    Queue,
    /// Looking up the server and connecting to it: `connect_timeout`.
    Connect,
    /// The silence between the start of an attempt and the response's head: `head_timeout`.
    Head,
    /// The time from the start of an attempt to the response's head: `attempt_timeout`.
    Attempt,
    /// The silence between two pieces of the response's body: `idle_timeout`.
    Idle,
    /// The window in which too few bytes of the response's body arrived: `min_download_rate`.
    /// [`Error::min_download_rate`](crate::Error::min_download_rate) says how many bytes per second had to arrive.
    DownloadRate,
    /// The time from the first slot of the request to the end of the response's body, retries included: `timeout`.
    Request,
    /// The time from the call to the end of the response's body, the wait in the queue included: `total_timeout`.
    Total,
}

impl Timeout {
    /// Returns the timeout's stable name in lower case, as error messages show it: `queue`, `connect`, `head`,
    /// `attempt`, `idle`, `download_rate`, `request` or `total`.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Timeout;
    ///
    /// assert_eq!(Timeout::Head.name(), "head");
    /// assert_eq!(Timeout::Total.to_string(), "total");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Connect => "connect",
            Self::Head => "head",
            Self::Attempt => "attempt",
            Self::Idle => "idle",
            Self::DownloadRate => "download_rate",
            Self::Request => "request",
            Self::Total => "total",
        }
    }

    /// Whether another attempt starts this timeout again: `Queue`, `Request` and `Total` belong to the request as a
    /// whole.
    pub(crate) const fn restarts_with_attempt(self) -> bool {
        matches!(self, Self::Connect | Self::Head | Self::Attempt | Self::Idle | Self::DownloadRate)
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
