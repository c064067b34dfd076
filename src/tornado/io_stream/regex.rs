//! Reading up to what a pattern matches. Behind the feature `regex`.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use regex_automata::dfa::dense::{self, DFA};
use regex_automata::dfa::{Automaton, StartKind};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

use super::limit::StreamLimit;
use super::search::Find;
use super::{IoStream, read};
use crate::error::{Error, ErrorKind, Result};

/// The most bytes that the tables of a pattern may take.
const LARGEST_TABLES: usize = 1024 * 1024;

/// A regular expression over bytes, for [`IoStream::read_until_regex`]. A clone shares its tables.
///
/// The syntax is that of the crate `regex` with Unicode off: `\d`, `\w`, `\s`, `\b` and `(?i)` know ASCII, and `.` is any
/// byte but a line feed. There are no back references, so a read costs one step for each byte, whatever the pattern.
#[derive(Clone)]
pub struct Regex {
    tables: Arc<DFA<Vec<u32>>>,
    pattern: Arc<str>,
}

impl Regex {
    /// Builds the tables of `pattern`.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if the pattern is malformed, if it matches nothing at all and so
    /// everywhere, or if its tables would take more than 1 MiB, as those of large counted repetitions do.
    pub fn new(pattern: &str) -> Result<Self> {
        let config = dense::Config::new()
            .start_kind(StartKind::Unanchored)
            .dfa_size_limit(Some(LARGEST_TABLES))
            .determinize_size_limit(Some(4 * LARGEST_TABLES));
        let tables = dense::Builder::new()
            .configure(config)
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(LARGEST_TABLES)))
            .build(pattern);
        let tables = tables.map_err(|error| refused(pattern, "cannot be used").with_source(error))?;
        let this = Self { tables: Arc::new(tables), pattern: pattern.into() };
        match Search::new(&this)?.find(&[]) {
            Some(_) => Err(refused(pattern, "matches before the first byte")),
            None => Ok(this),
        }
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Regex").field(&self.pattern).finish()
    }
}

fn refused(pattern: &str, reason: &str) -> Error {
    Error::request(ErrorKind::InvalidRequest, format!("the pattern {pattern:?} {reason}"))
}

/// A pattern on its way through the bytes.
struct Search<'a> {
    tables: &'a DFA<Vec<u32>>,
    state: StateID,
    scanned: usize,
    /// The longest match so far of those that begin first.
    end: Option<usize>,
}

impl<'a> Search<'a> {
    fn new(regex: &'a Regex) -> Result<Self> {
        let start = regex.tables.start_state_forward(&Input::new(&[]).anchored(Anchored::No));
        let state = start.map_err(|error| refused(&regex.pattern, "cannot be begun").with_source(error))?;
        Ok(Self { tables: &regex.tables, state, scanned: 0, end: None })
    }
}

impl Find for Search<'_> {
    fn find(&mut self, data: &[u8]) -> Option<usize> {
        for byte in data.get(self.scanned..)? {
            self.state = self.tables.next_state(self.state, *byte);
            if self.tables.is_special_state(self.state) {
                if self.tables.is_match_state(self.state) {
                    // The tables tell a match one byte late.
                    self.end = Some(self.scanned);
                } else if self.tables.is_dead_state(self.state) {
                    break;
                }
            }
            self.scanned += 1;
        }
        let last = self.tables.next_eoi_state(self.state);
        if self.tables.is_match_state(last) {
            self.end = Some(self.scanned);
        }
        self.end
    }
}

impl IoStream {
    /// Reads up to the end of the first match of `regex`, which must end within `max_bytes`; gives everything up to there.
    ///
    /// A match is taken as it has arrived: `[0-9]+` may end where a packet does, and `$` holds wherever the bytes end so
    /// far. A pattern should therefore end in what ends the message.
    ///
    /// # Errors
    /// As [`read_until`](Self::read_until), with [`StreamLimit::Match`].
    ///
    /// # Cancellation
    /// A read that is dropped has taken nothing.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn run(stream: waterspout::tornado::IoStream) -> waterspout::Result<()> {
    /// let end_of_head = waterspout::tornado::Regex::new(r"\r?\n\r?\n")?;
    /// let head = stream.read_until_regex(&end_of_head, 64 * 1024).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn read_until_regex(&self, regex: &Regex, max_bytes: usize) -> Result<Bytes> {
        let mut search = Search::new(regex)?;
        self.read(move |input| read::up_to(input, &mut search, max_bytes, StreamLimit::Match)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where `pattern` first ends in `data` when its pieces end at `cuts`.
    fn end(pattern: &str, data: &[u8], cuts: &[usize]) -> Option<usize> {
        let regex = Regex::new(pattern).unwrap();
        let mut search = Search::new(&regex).unwrap();
        cuts.iter().chain([&data.len()]).find_map(|cut| search.find(&data[..*cut]))
    }

    #[test]
    fn the_leftmost_match_ends_it_wherever_the_bytes_are_split() {
        for (pattern, data, expected) in [
            (r"\r?\n\r?\n", &b"a\r\nb\r\n\r\nc\n\n"[..], Some(8)),
            (r"(?i)end\W", b"the END.", Some(8)),
            (r"\xff[\x80-\x8f]", b"\xff\xff\x80\xff", Some(3)),
            (r"b\d", b"abcb", None),
        ] {
            for one in 0..=data.len() {
                for two in one..=data.len() {
                    assert_eq!(end(pattern, data, &[one, two]), expected, "{pattern} split at {one} and {two}");
                }
            }
        }
    }

    #[test]
    fn a_longer_match_is_taken_if_it_has_arrived() {
        assert_eq!(end("[0-9]+", b"a123b", &[]), Some(4));
        assert_eq!(end("[0-9]+", b"a123b", &[3]), Some(3));
    }

    #[test]
    fn no_byte_is_looked_at_twice() {
        let regex = Regex::new("\r?\n").unwrap();
        let mut search = Search::new(&regex).unwrap();
        for length in (0..10_000).step_by(100) {
            let mut data = vec![b'\n'; length];
            data.extend([b'-'; 100]);
            assert_eq!(search.find(&data), None, "at {length}");
        }
    }

    #[test]
    fn malformed_empty_and_huge_patterns_are_refused() {
        for pattern in ["(", "a*", "", r"(?s)a.{60}b.{60}c", r"\p{Greek}", r"x{1000}{1000}"] {
            let error = Regex::new(pattern).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{pattern}: {error}");
        }
    }
}
