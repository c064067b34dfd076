//! What an error tells of the attempts behind it, and whether another may help.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use super::attempt::is_transient;
use super::{Error, ErrorKind, Timeout};
use crate::error::Attempt;

impl Error {
    /// The same error, after these attempts.
    pub(crate) fn with_attempts(mut self, attempts: Vec<Attempt>) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// The same error, on a connection that had carried another request before, or on a new one.
    #[must_use]
    pub fn with_reused(mut self, reused: bool) -> Self {
        self.0.reused = Some(reused);
        self
    }

    /// The same error, after so many bytes of the request and of the response's body; what was said before stays.
    #[must_use]
    pub fn with_bytes(mut self, sent: u64, received: u64) -> Self {
        self.0.bytes.get_or_insert((sent, received));
        self
    }

    /// The attempts made, the last one included, if the request had a [`Retry`](crate::Retry); else nothing.
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// Whether the connection had carried another request before, as far as it is known.
    ///
    /// # Platform
    /// A browser does not show its connections, so there this is `None`.
    pub fn reused(&self) -> Option<bool> {
        self.0.reused
    }

    /// How many bytes of the request had left in the last attempt, its head included, if one was made.
    ///
    /// # Platform
    /// A browser does not show what it sends: there it counts what was taken from a body that is a stream.
    pub fn sent(&self) -> Option<u64> {
        self.0.bytes.map(|(sent, _)| sent)
    }

    /// How many bytes of the response's body had been handed out, after decoding, if an attempt was made.
    pub fn received(&self) -> Option<u64> {
        self.0.bytes.map(|(_, received)| received)
    }

    /// Whether the same request, made again, may fare better: no connection could be made or it broke, that to a proxy
    /// included, a time limit of the attempt passed (`connect`, `head`, `attempt`, `idle`), or [`error_for_status`](crate::Response::error_for_status)
    /// met 408, 425, 429, 500, 502, 503 or 504.
    ///
    /// That says nothing about whether the request may be repeated: a `POST` may have been carried out.
    ///
    /// # Platform
    /// A browser says of all failures the same, so there failures that stay, of CORS say, are among them.
    pub fn is_retryable(&self) -> bool {
        use ErrorKind::{Connect, ConnectionClosed, Dns, Io, Network};
        let passing = self.status().is_some_and(is_transient);
        let broken = matches!(self.kind(), Dns | Connect | ConnectionClosed | Io | Network);
        passing || self.is_attempt_timeout() || broken || self.is_lost_proxy()
    }

    /// Whether the connection to a proxy could not be made or broke, rather than that the proxy refused.
    fn is_lost_proxy(&self) -> bool {
        let cause = self.source().filter(|_| self.kind() == ErrorKind::Proxy);
        cause.is_some_and(|cause| cause.is::<std::io::Error>() || cause.downcast_ref().is_some_and(Self::is_retryable))
    }

    /// Whether a limit passed that another attempt would start again.
    pub(crate) fn is_attempt_timeout(&self) -> bool {
        self.timeout().is_some_and(Timeout::restarts_with_attempt)
    }
}

/// A time in the largest unit in which it is a whole number.
pub(super) fn in_units(time: Duration) -> (u64, &'static str) {
    let nanos = time.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(time.subsec_nanos()));
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1000, "\u{b5}s")];
    let whole = units.into_iter().find(|(length, _)| nanos % length == 0);
    whole.map_or((nanos, "ns"), |(length, unit)| (nanos / length, unit))
}

/// Adds a root cause; what an engine or another library says may have several lines.
pub(super) fn one_line(f: &mut fmt::Formatter<'_>, cause: &str) -> fmt::Result {
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
    fn a_time_is_told_in_the_largest_unit_in_which_it_is_whole() {
        let told = |time| {
            let (count, unit) = in_units(time);
            format!("{count}{unit}")
        };
        assert_eq!(told(Duration::from_secs(20)), "20s");
        assert_eq!(told(Duration::from_millis(1500)), "1500ms");
        assert_eq!(told(Duration::from_micros(250)), "250\u{b5}s");
        assert_eq!(told(Duration::from_nanos(1)), "1ns");
        assert_eq!(told(Duration::MAX), format!("{}ns", u64::MAX));
    }
}
