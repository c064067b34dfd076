//! The text of an error, the attempts before it, and whether another attempt may succeed.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use super::attempt::is_transient;
use super::{Attempt, Error, ErrorKind, Phase, Timeout};

impl Error {
    /// Returns the same error with the attempts that led to it.
    pub(crate) fn with_attempts(mut self, attempts: Vec<Attempt>) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// Returns the attempts made, the last included. Empty if the request had no [`Retry`](crate::Retry).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, Error, ErrorKind, Phase, Retry};
    ///
    /// # futures::executor::block_on(async {
    /// let refused = || Error::new(ErrorKind::Connect, Phase::Connect, "refused");
    /// let backend = MockBackend::new(move |_| Box::pin(async move { Err(refused()) }));
    /// let retry = Retry::new().attempts(2).base_delay(Duration::from_millis(1));
    /// let client = Client::builder().backend(backend).retry(retry).build()?;
    /// let error = client.get("http://example.com/").await.unwrap_err();
    /// assert_eq!(error.attempts().len(), 2);
    /// assert_eq!(error.attempts()[0].error, Some(ErrorKind::Connect));
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// Returns whether another attempt at the same request may succeed.
    ///
    /// This is so if
    /// - no connection could be made or it broke, the connection to a proxy included;
    /// - a time limit of the attempt passed (`connect`, `head`, `attempt`, `idle`, `download_rate`);
    /// - [`error_for_status`](crate::Response::error_for_status) found 408, 425, 429, 500, 502, 503 or 504.
    ///
    /// It does not say whether the request may be repeated: the server may have carried out a `POST`.
    ///
    /// # Platform
    /// A browser reports all failures alike. There this is also `true` for permanent failures, such as of CORS.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Error, ErrorKind, Phase};
    ///
    /// assert!(Error::new(ErrorKind::Connect, Phase::Connect, "refused").is_retryable());
    /// assert!(!Error::new(ErrorKind::Tls, Phase::Connect, "the certificate has expired").is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        use ErrorKind::{Connect, ConnectionClosed, Dns, Io, Network};
        let passing = self.status().is_some_and(is_transient);
        let broken = matches!(self.kind(), Dns | Connect | ConnectionClosed | Io | Network);
        passing || self.is_attempt_timeout() || broken || self.is_lost_proxy()
    }

    /// Returns whether the connection to a proxy could not be made or broke. A refusal by the proxy does not count.
    fn is_lost_proxy(&self) -> bool {
        // A lost connection has an I/O error or a retryable error as its cause. A refusal has neither.
        let Some(cause) = self.source().filter(|_| self.kind() == ErrorKind::Proxy) else { return false };
        match cause.downcast_ref() {
            // An alert is a refusal.
            Some(cause) => ErrorKind::of_connection(cause) != ErrorKind::Tls,
            None => cause.downcast_ref().is_some_and(Self::is_retryable),
        }
    }

    /// Returns whether the limit that passed is a limit that each attempt starts again.
    pub(crate) fn is_attempt_timeout(&self) -> bool {
        self.timeout().is_some_and(Timeout::restarts_with_attempt)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details = &*self.0;
        f.write_str(&details.message)?;
        if self.is_timeout() || (self.is_network() && !matches!(details.phase, Phase::Request | Phase::Stream)) {
            write!(f, " while {}", details.phase.activity())?;
        }
        if let Some((timeout, limit)) = details.timeout {
            let (count, unit) = in_units(limit);
            write!(f, " (limit `{}`: {count}{unit})", timeout.name())?;
        }
        if let Some(status) = &details.status {
            write!(f, ": {}", status.as_u16())?;
        }
        if let Some(reason) = &details.reason {
            write!(f, " {reason}")?;
        }
        if let Some(url) = &details.url {
            write!(f, ", for {url}")?;
        }
        match self.root() {
            Some(root) => one_line(f, &root.to_string()),
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

/// Returns `time` in the largest unit in which it is a whole number.
// No `Debug` output here or in messages: that of a text or a time links tables of Unicode and fractions in 128 bits, 8
// KB raw in a browser program.
fn in_units(time: Duration) -> (u64, &'static str) {
    let nanos = time.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(time.subsec_nanos()));
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1000, "\u{b5}s")];
    let whole = units.into_iter().find(|(length, _)| nanos % length == 0);
    whole.map_or((nanos, "ns"), |(length, unit)| (nanos / length, unit))
}

/// Writes a root cause on a single line: the text of an engine or another library may have several.
fn one_line(f: &mut fmt::Formatter<'_>, cause: &str) -> fmt::Result {
    let mut separator = ": ";
    for line in cause.lines().map(str::trim).filter(|line| !line.is_empty()) {
        f.write_str(separator)?;
        f.write_str(line)?;
        separator = " ";
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_written_in_the_largest_unit_that_keeps_it_whole() {
        let text = |time| {
            let (count, unit) = in_units(time);
            format!("{count}{unit}")
        };
        assert_eq!(text(Duration::from_secs(20)), "20s");
        assert_eq!(text(Duration::from_millis(1500)), "1500ms");
        assert_eq!(text(Duration::from_micros(250)), "250\u{b5}s");
        assert_eq!(text(Duration::from_nanos(1)), "1ns");
        assert_eq!(text(Duration::MAX), format!("{}ns", u64::MAX));
    }
}
