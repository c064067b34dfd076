//! Reads up to the match of a pattern. Behind the feature `regex`.
//!
//! The pattern is compiled to tables that are stepped byte by byte, so each byte is examined once. A search of the
//! crate `regex` starts again at each call, which takes quadratic time if the peer sends single bytes.

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
use super::search::{Find, Pattern};
use super::{IoStream, read};
use crate::error::{Error, ErrorKind, Result};

/// The maximum size of a pattern's tables in bytes.
const MAX_TABLE_BYTES: usize = 1024 * 1024;

/// A regular expression over bytes, for [`IoStream::read_until_regex`]. A clone shares its tables.
///
/// The syntax is that of the crate `regex` with Unicode off: `\d`, `\w`, `\s`, `\b` and `(?i)` know ASCII, and `.` is
/// any byte except a line feed. There are no back references, so a read takes a single step per byte for every pattern.
#[derive(Clone)]
pub struct Regex {
    tables: Arc<DFA<Vec<u32>>>,
    pattern: Arc<str>,
}

impl Regex {
    /// Compiles `pattern` to tables.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if the pattern is malformed, if it matches the empty string and so
    /// matches everywhere, or if its tables would take more than 1 MiB, as the tables of large counted repetitions do.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::ErrorKind;
    /// use waterspout::tornado::Regex;
    ///
    /// assert!(Regex::new(r"\r?\n").is_ok());
    /// assert_eq!(Regex::new("a*").unwrap_err().kind(), ErrorKind::InvalidRequest);
    /// ```
    pub fn new(pattern: &str) -> Result<Self> {
        let config = dense::Config::new()
            .start_kind(StartKind::Unanchored)
            .dfa_size_limit(Some(MAX_TABLE_BYTES))
            .determinize_size_limit(Some(4 * MAX_TABLE_BYTES));
        let tables = dense::Builder::new()
            .configure(config)
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(MAX_TABLE_BYTES)))
            .build(pattern);
        let tables = tables.map_err(|error| refused(pattern, "is malformed or too large").with_source(error))?;
        let this = Self { tables: Arc::new(tables), pattern: pattern.into() };
        match RegexSearch::new(&this)?.find(&[], usize::MAX) {
            Some(_) => Err(refused(pattern, "matches the empty string, so it would match before the first byte")),
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

/// A search for a pattern.
#[derive(Clone)]
pub(super) struct RegexSearch {
    tables: Arc<DFA<Vec<u32>>>,
    start: StateID,
    state: StateID,
    scanned: usize,
    /// The end of the longest match so far, among the matches that begin first.
    end: Option<usize>,
}

impl RegexSearch {
    fn new(regex: &Regex) -> Result<Self> {
        let start = regex.tables.start_state_forward(&Input::new(&[]).anchored(Anchored::No));
        let start = start.map_err(|error| refused(&regex.pattern, "cannot start a search").with_source(error))?;
        Ok(Self { tables: regex.tables.clone(), start, state: start, scanned: 0, end: None })
    }
}

impl Find for RegexSearch {
    fn is_for(&self, pattern: Pattern<'_>) -> bool {
        matches!(pattern, Pattern::Tables(address) if address == Arc::as_ptr(&self.tables).addr())
    }

    fn find(&mut self, data: &[u8], budget: usize) -> Option<usize> {
        let end = data.len().min(self.scanned.saturating_add(budget));
        for byte in data.get(self.scanned..end)? {
            self.state = self.tables.next_state(self.state, *byte);
            if self.tables.is_special_state(self.state) {
                if self.tables.is_match_state(self.state) {
                    // The tables report a match after the byte that follows it.
                    self.end = Some(self.scanned);
                } else if self.tables.is_dead_state(self.state) {
                    return self.end;
                }
            }
            self.scanned += 1;
        }
        if self.scanned < data.len() {
            // A match may become longer with the bytes that have arrived and are not examined yet.
            return None;
        }
        let last = self.tables.next_eoi_state(self.state);
        if self.tables.is_match_state(last) {
            self.end = Some(self.scanned);
        }
        self.end
    }

    fn scanned(&self) -> usize {
        self.scanned
    }

    fn restart(&mut self) {
        self.state = self.start;
        self.scanned = 0;
        self.end = None;
    }
}

impl IoStream {
    /// Reads up to and including the first match of `regex`, which must end within `max_bytes`.
    ///
    /// A match is taken as soon as it has arrived: `[0-9]+` may end where a packet ends, and `$` matches wherever the
    /// received bytes end. So a pattern should end with the terminator of the message.
    ///
    /// # Errors
    /// As [`read_until`](Self::read_until), with [`StreamLimit::Match`].
    ///
    /// # Cancellation
    /// A dropped read has taken no byte.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::{Script, ScriptedConnector};
    /// use waterspout::tornado::{IoStream, Regex};
    /// use waterspout::{Connector, Url};
    ///
    /// # futures::executor::block_on(async {
    /// let server = ScriptedConnector::new([Script::new().send("Subject: hello\n\nHow are you?")]);
    /// let origin = Url::parse("http://mail.example")?.origin();
    /// let stream = IoStream::connecting(async move { server.connect(&origin).await });
    /// let end_of_head = Regex::new(r"\r?\n\r?\n")?;
    /// assert_eq!(stream.read_until_regex(&end_of_head, 64 * 1024).await?, "Subject: hello\n\n");
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn read_until_regex(&self, regex: &Regex, max_bytes: usize) -> Result<Bytes> {
        let search = RegexSearch::new(regex)?;
        self.read(|input| {
            input.set_search(Pattern::Tables(Arc::as_ptr(&regex.tables).addr()), || Box::new(search.clone()));
            read::up_to(input, max_bytes, StreamLimit::Match)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns where the first match of `pattern` ends in `data` if the pieces end at `cuts`.
    fn end(pattern: &str, data: &[u8], cuts: &[usize]) -> Option<usize> {
        let regex = Regex::new(pattern).unwrap();
        let mut search = RegexSearch::new(&regex).unwrap();
        cuts.iter().chain([&data.len()]).find_map(|cut| search.find(&data[..*cut], usize::MAX))
    }

    #[test]
    fn leftmost_match_is_found_for_every_split() {
        for (pattern, data, expected) in [
            (r"\r?\n\r?\n", &b"a\r\nb\r\n\r\nc\n\n"[..], Some(8)),
            (r"(?i)end\W", b"the END.", Some(8)),
            (r"\xff[\x80-\x8f]", b"\xff\xff\x80\xff", Some(3)),
            (r"b\d", b"abcb", None),
        ] {
            for first in 0..=data.len() {
                for second in first..=data.len() {
                    assert_eq!(
                        end(pattern, data, &[first, second]),
                        expected,
                        "{pattern} split at {first} and {second}"
                    );
                }
            }
        }
    }

    #[test]
    fn longer_match_is_taken_if_it_has_arrived() {
        assert_eq!(end("[0-9]+", b"a123b", &[]), Some(4));
        assert_eq!(end("[0-9]+", b"a123b", &[3]), Some(3));
    }

    #[test]
    fn end_of_a_budget_does_not_shorten_a_match() {
        for (pattern, data, expected) in [("[0-9]+", &b"a12345b"[..], 6), ("a$", b"aba", 3), ("ab|abcd", b"-abcd-", 3)]
        {
            let regex = Regex::new(pattern).unwrap();
            for budget in 1..8 {
                let mut search = RegexSearch::new(&regex).unwrap();
                for _ in 0..2 {
                    let found = (0..data.len()).find_map(|_| search.find(data, budget));
                    assert_eq!(found, Some(expected), "{pattern} in steps of {budget}");
                    search.restart();
                }
            }
        }
    }

    #[test]
    fn each_byte_is_examined_once() {
        let regex = Regex::new("\r?\n").unwrap();
        let mut search = RegexSearch::new(&regex).unwrap();
        for length in (0..10_000).step_by(100) {
            let mut data = vec![b'\n'; length];
            data.extend([b'-'; 100]);
            assert_eq!(search.find(&data, usize::MAX), None, "at {length}");
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
