//! Finding a delimiter in bytes that come piece by piece.

/// What a bounded read looks for.
pub(super) trait Find {
    /// Where it ends in `data`: what was there at the last call and what has come since.
    fn find(&mut self, data: &[u8]) -> Option<usize>;
}

/// Looks for a fixed delimiter, at each byte once, however the bytes come (Knuth, Morris and Pratt): a searcher that begins
/// again would be at the mercy of a peer who sends one byte at a time.
pub(super) struct Delimiter<'a> {
    bytes: &'a [u8],
    /// For each prefix of the delimiter, how long the longest proper prefix is that it ends with.
    borders: Vec<usize>,
    /// How much of the delimiter the bytes seen so far end with.
    matched: usize,
    scanned: usize,
}

impl<'a> Delimiter<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let mut this = Self { bytes, borders: Vec::with_capacity(bytes.len()), matched: 0, scanned: 0 };
        for byte in bytes {
            // Of the first byte nothing is matched by itself.
            let border = if this.borders.is_empty() { 0 } else { this.step(*byte) };
            this.borders.push(border);
            this.matched = border;
        }
        this.matched = 0;
        this
    }

    /// How much is matched after `byte`.
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

impl Find for Delimiter<'_> {
    fn find(&mut self, data: &[u8]) -> Option<usize> {
        let mut rest = data.get(self.scanned..)?;
        while let Some(byte) = rest.first() {
            if self.matched == 0 {
                // Most bytes do not begin a delimiter.
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
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where `delimiter` ends in `data`, as found when the pieces end at `cuts`.
    fn end(delimiter: &[u8], data: &[u8], cuts: &[usize]) -> Option<usize> {
        let mut search = Delimiter::new(delimiter);
        cuts.iter().chain([&data.len()]).find_map(|cut| search.find(&data[..*cut]))
    }

    #[test]
    fn a_delimiter_is_found_wherever_the_bytes_are_split() {
        for (delimiter, data) in [
            (&b"\r\n\r\n"[..], &b"a\r\n\r\r\n\r\nb\r\n\r\n"[..]),
            (b"aab", b"aaaaab"),
            (b"abab", b"abaabab"),
            (b"x", b"yyx"),
            (b"aaa", b"aabaab"),
        ] {
            let expected = data.windows(delimiter.len()).position(|it| it == delimiter).map(|at| at + delimiter.len());
            for one in 0..=data.len() {
                for two in one..=data.len() {
                    assert_eq!(end(delimiter, data, &[one, two]), expected, "{data:?} split at {one} and {two}");
                }
            }
        }
    }

    #[test]
    fn no_byte_is_looked_at_twice() {
        // What was seen is replaced by delimiters: whoever looks back finds one.
        let mut search = Delimiter::new(b"\n");
        for length in (0..10_000).step_by(100) {
            let mut data = vec![b'\n'; length];
            data.extend([b'-'; 100]);
            assert_eq!(search.find(&data), None, "at {length}");
        }
    }
}
