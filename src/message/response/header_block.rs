//! The header lines of a response as they were received, in a single buffer.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Valid header lines, of which no line continues on the next line. Each value of the map is a slice of the buffer.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeaderBlock {
    lines: Bytes,
    /// The value of `content-length`. It stands here so that no browser program links a search for it.
    pub(super) content_length: Option<u64>,
}

impl HeaderBlock {
    /// The number of lines that a [`HeaderMap`] holds for any names.
    pub(crate) const MAX_LINES: usize = 24_000;

    /// The maximum length in bytes of a name in a [`HeaderMap`].
    pub(crate) const MAX_NAME_LENGTH: usize = u16::MAX as usize;

    /// Keeps lines whose names and values a parser has found valid. There are at most [`MAX_LINES`](Self::MAX_LINES)
    /// lines, and no name is longer than [`MAX_NAME_LENGTH`](Self::MAX_NAME_LENGTH).
    pub(crate) fn new(lines: Bytes, content_length: Option<u64>) -> Self {
        Self { lines, content_length }
    }

    /// Replaces the lines. They have the same declared length.
    pub(crate) fn set_lines(&mut self, lines: Bytes) {
        self.lines = lines;
    }

    /// Returns the names and values in the order of the lines.
    fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines.split(|byte| *byte == b'\n').filter_map(|line| {
            // The empty line at the end has no colon.
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((&line[..colon], line[colon + 1..].trim_ascii()))
        })
    }

    /// Returns the values of the lines with this name, without a map.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields().filter(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// Makes the map of the lines.
    pub(crate) fn to_map(&self) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(8);
        for (name, value) in self.fields() {
            // No step fails, because the lines are valid and their number is limited.
            let name = HeaderName::from_bytes(name);
            let value = HeaderValue::from_maybe_shared(self.lines.slice_ref(value));
            if let (Ok(name), Ok(value)) = (name, value) {
                let _ = map.try_append(name, value);
            }
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "Vary: a\r\nx-empty:\r\nDate: 08:00:00 GMT \t\nvary:\tb: c\r\n\r\n";

    #[test]
    fn values_are_the_same_with_and_without_a_map() {
        let block = HeaderBlock::new(Bytes::from_static(LINES.as_bytes()), None);
        let map = block.to_map();
        assert_eq!(map.len(), 4);
        for (name, expected) in
            [("vary", &["a", "b: c"][..]), ("x-empty", &[""]), ("date", &["08:00:00 GMT"]), ("dat", &[])]
        {
            let in_map: Vec<_> = map.get_all(name).iter().map(HeaderValue::as_bytes).collect();
            assert_eq!(in_map, block.values(name).collect::<Vec<_>>(), "{name}");
            assert_eq!(in_map, expected.iter().map(|value| value.as_bytes()).collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn values_of_the_map_share_the_buffer() {
        let lines = Bytes::from_static(LINES.as_bytes());
        let map = HeaderBlock::new(lines.clone(), None).to_map();
        assert!(lines.as_ptr_range().contains(&map["date"].as_bytes().as_ptr()));
    }

    #[test]
    fn block_without_lines_is_an_empty_map() {
        for lines in ["", "\r\n", "\n"] {
            assert!(HeaderBlock::new(Bytes::from_static(lines.as_bytes()), None).to_map().is_empty());
        }
    }
}
