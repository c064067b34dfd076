//! The text of an error, without its cause.

use std::fmt;
use std::time::Duration;

use super::{Error, ErrorKind, Phase, Timeout};

/// Writes what failed, on a single line: the message, the phase if the message does not name it, the limit, the status
/// and the URL.
///
/// The cause is not part of the text: [`source`](std::error::Error::source) returns it, and [`Error::report`] writes
/// both. The URL is without user name, password, values of its query, and fragment.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details = &*self.0;
        f.write_str(&details.message)?;
        if !self.tells_phase() {
            f.write_str(" while ")?;
            f.write_str(details.phase.activity())?;
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
            f.write_str(", for ")?;
            f.write_str(&crate::Url::redact(url))?;
        }
        Ok(())
    }
}

impl Error {
    /// Returns whether the kind, the limit or the message tells the phase already, or the phase adds nothing.
    fn tells_phase(&self) -> bool {
        use ErrorKind::{ConnectionClosed, Io, Network, Timeout as TimedOut, Tls};
        let phase = self.phase();
        let is_vague = match self.kind() {
            // The error of the connect limit names the step of connecting that took too long.
            TimedOut => self.timeout() != Some(Timeout::Connect),
            Io | ConnectionClosed | Network => !matches!(phase, Phase::Request | Phase::Stream),
            Tls => matches!(phase, Phase::Head | Phase::Body),
            // All of these say what is wrong with which part.
            _ => false,
        };
        !is_vague || contains(&self.0.message, phase.keyword())
    }
}

/// Returns whether `text` contains `word`.
// Not by `str::contains`: its search links two kilobytes into a browser program.
fn contains(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len()).any(|part| part == word.as_bytes())
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
