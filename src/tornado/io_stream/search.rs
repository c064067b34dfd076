//! Finds a delimiter in bytes that arrive in pieces.

/// What a search looks for.
#[derive(Clone, Copy)]
pub(super) enum Pattern<'a> {
    Delimiter(&'a [u8]),
    /// The address of a regular expression's tables, which its search keeps in memory.
    #[allow(dead_code, reason = "a build without `regex` makes only delimiters")]
    Tables(usize),
}

/// A search over bytes that arrive in pieces.
///
/// A read that is dropped leaves its search to the next read for the same pattern, so that the next read does not
/// examine the same bytes again.
pub(super) trait Find: Send + Sync {
    /// Returns whether this is a search for `pattern`.
    fn is_for(&self, pattern: Pattern<'_>) -> bool;

    /// Examines at most `budget` bytes of `data` and returns where the match ends. `data` holds the bytes of the last
    /// call and the bytes received since.
    fn find(&mut self, data: &[u8], budget: usize) -> Option<usize>;

    /// Returns how many bytes were examined.
    fn scanned(&self) -> usize;

    /// Starts again at the first byte.
    fn restart(&mut self);
}

/// Searches for a fixed delimiter and examines each byte once (Knuth, Morris and Pratt).
///
/// A searcher that starts again at each call, as `memchr` does, would take quadratic time if the peer sends single
/// bytes.
pub(super) struct Delimiter {
    bytes: Vec<u8>,
    /// For each prefix of the delimiter, the length of its longest proper prefix that is also its suffix.
    borders: Vec<usize>,
    /// The length of the longest prefix of the delimiter that the examined bytes end with.
    matched: usize,
    scanned: usize,
}

impl Delimiter {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut this = Self { bytes: bytes.to_vec(), borders: Vec::with_capacity(bytes.len()), matched: 0, scanned: 0 };
        for byte in bytes {
            // A single byte has no proper prefix.
            let border = if this.borders.is_empty() { 0 } else { this.step(*byte) };
            this.borders.push(border);
            this.matched = border;
        }
        this.matched = 0;
        this
    }

    /// Returns how much of the delimiter is matched after `byte`.
    fn step(&self, byte: u8) -> usize {
        let mut matched = self.matched;
        loop {
            if self.bytes.get(matched) == Some(&byte) {
                return matched + 1;
            }
            if matched == 0 {
                return 0;
            }
            matched = self.borders.get(matched - 1).copied().unwrap_or_default();
        }
    }
}

impl Find for Delimiter {
    fn is_for(&self, pattern: Pattern<'_>) -> bool {
        matches!(pattern, Pattern::Delimiter(bytes) if bytes == self.bytes)
    }

    fn find(&mut self, data: &[u8], budget: usize) -> Option<usize> {
        let end = data.len().min(self.scanned.saturating_add(budget));
        let mut rest = data.get(self.scanned..end)?;
        while let Some(byte) = rest.first() {
            if self.matched == 0 {
                // Most bytes do not begin a delimiter, and skipping them is faster than a step for each.
                let skipped = rest.iter().position(|byte| self.bytes.first() == Some(byte)).unwrap_or(rest.len());
                if skipped > 0 {
                    self.scanned += skipped;
                    rest = rest.get(skipped..)?;
                    continue;
                }
            }
            self.matched = self.step(*byte);
            self.scanned += 1;
            if self.matched == self.bytes.len() {
                return Some(self.scanned);
            }
            rest = rest.get(1..)?;
        }
        None
    }

    fn scanned(&self) -> usize {
        self.scanned
    }

    fn restart(&mut self) {
        self.matched = 0;
        self.scanned = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns where `delimiter` ends in `data` if the pieces end at `cuts`.
    fn end(delimiter: &[u8], data: &[u8], cuts: &[usize]) -> Option<usize> {
        let mut search = Delimiter::new(delimiter);
        cuts.iter().chain([&data.len()]).find_map(|cut| search.find(&data[..*cut], usize::MAX))
    }

    #[test]
    fn delimiter_is_found_for_every_split() {
        for (delimiter, data) in [
            (&b"\r\n\r\n"[..], &b"a\r\n\r\r\n\r\nb\r\n\r\n"[..]),
            (b"aab", b"aaaaab"),
            (b"abab", b"abaabab"),
            (b"x", b"yyx"),
            (b"aaa", b"aabaab"),
        ] {
            let expected = data.windows(delimiter.len()).position(|it| it == delimiter).map(|at| at + delimiter.len());
            for first in 0..=data.len() {
                for second in first..=data.len() {
                    assert_eq!(
                        end(delimiter, data, &[first, second]),
                        expected,
                        "{data:?} split at {first} and {second}"
                    );
                }
            }
        }
    }

    #[test]
    fn each_byte_is_examined_once() {
        // Examined bytes are replaced by delimiters: a search that looks back would find a match.
        let mut search = Delimiter::new(b"\n");
        for length in (0..10_000).step_by(100) {
            let mut data = vec![b'\n'; length];
            data.extend([b'-'; 100]);
            assert_eq!(search.find(&data, usize::MAX), None, "at {length}");
        }
    }
    #[test]
    fn search_goes_on_where_its_budget_ended() {
        for budget in 1..5 {
            let mut search = Delimiter::new(b"aab");
            for _ in 0..2 {
                let mut calls = 1;
                while search.find(b"aaaaab-", budget).is_none() {
                    assert_eq!(search.scanned(), calls * budget);
                    calls += 1;
                }
                assert_eq!((search.scanned(), calls), (6, 6_usize.div_ceil(budget)));
                search.restart();
            }
        }
    }
}
