//! A response's headers, parsed into a map on first access.
//!
//! The map links the table of all known header names: 6 KB, a tenth of a small browser module. A program that reads no
//! header does not link it. Names and values are checked at once; the library itself looks up the headers it needs by
//! text.

// Only a browser's backend creates headers that are not parsed yet.
#![allow(dead_code)]

use std::sync::OnceLock;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::message::credentials::mark_sensitive;

/// The maximum length in bytes of a name in a [`HeaderMap`].
const MAX_NAME_LENGTH: usize = u16::MAX as usize;

#[derive(Default)]
pub(crate) struct LazyHeaders {
    /// The headers, if `raw` is empty.
    map: HeaderMap,
    /// Reads the length of the body in `map`, if headers may be there. A browser program that never creates a map does
    /// not link the search in it.
    length_in_map: Option<fn(&HeaderMap) -> Option<u64>>,
    /// The headers as the engine gave them, instead of `map`.
    raw: Vec<RawHeader>,
    /// The map of `raw`, filled on first access.
    parsed: OnceLock<HeaderMap>,
}

/// A header as the text that an engine gives, checked, with its name in lower case.
pub(crate) struct RawHeader {
    pub(crate) name: String,
    /// The value with a character for each byte, of the same number.
    pub(crate) value: String,
}

impl RawHeader {
    /// Returns `None` if `name` is not a valid field name (RFC 9110, section 5.1), or if `value` has a character that is
    /// not a byte of a header's value (section 5.5).
    pub(crate) fn new(mut name: String, value: String) -> Option<Self> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        // In UTF-8, exactly the characters above 255 have a byte above 0xC3.
        let is_value = |byte: u8| byte == b'\t' || (matches!(byte, b' '..=0xC3) && byte != 0x7F);
        name.make_ascii_lowercase();
        let is_valid =
            (1..=MAX_NAME_LENGTH).contains(&name.len()) && name.bytes().all(is_name) && value.bytes().all(is_value);
        is_valid.then_some(Self { name, value })
    }

    /// Returns the bytes of the value.
    fn bytes(&self) -> Bytes {
        self.value.chars().filter_map(|character| u8::try_from(character).ok()).collect()
    }
}

impl LazyHeaders {
    /// The number of headers that a [`HeaderMap`] holds for any names.
    pub(crate) const MAX_COUNT: usize = 24_000;

    pub(crate) fn raw(raw: Vec<RawHeader>) -> Self {
        Self { raw, ..Self::default() }
    }

    pub(crate) fn map(&self) -> &HeaderMap {
        if self.raw.is_empty() { &self.map } else { self.parsed.get_or_init(|| parse(&self.raw)) }
    }

    pub(crate) fn map_mut(&mut self) -> &mut HeaderMap {
        let raw = std::mem::take(&mut self.raw);
        if !raw.is_empty() {
            self.map = self.parsed.take().unwrap_or_else(|| parse(&raw));
        }
        self.length_in_map = Some(length_in_map);
        &mut self.map
    }

    pub(crate) fn content_length(&self) -> Option<u64> {
        // By text: access to the map would link it.
        match self.raw.iter().find(|header| header.name == "content-length") {
            Some(header) => header.value.parse().ok(),
            None => self.length_in_map?(&self.map),
        }
    }
}

fn length_in_map(map: &HeaderMap) -> Option<u64> {
    map.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn parse(raw: &[RawHeader]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for header in raw {
        // Nothing fails: `RawHeader::new` has checked name and value, and there are at most `MAX_COUNT` headers.
        let name = HeaderName::from_bytes(header.name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_maybe_shared(header.bytes())) {
            let _ = map.try_append(name, value);
        }
    }
    mark_sensitive(&mut map);
    map
}

impl From<HeaderMap> for LazyHeaders {
    fn from(map: HeaderMap) -> Self {
        Self { map, length_in_map: Some(length_in_map), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: &'static str) -> RawHeader {
        RawHeader::new(name.to_owned(), value.to_owned()).unwrap()
    }

    #[test]
    fn names_are_accepted_as_by_a_header_map() {
        let is_accepted = |name: &str| RawHeader::new(name.to_owned(), String::new()).is_some();
        let mut names: Vec<String> = (0..=255_u8).map(|byte| format!("a{}", char::from(byte))).collect();
        names.extend(["".to_owned(), "a".repeat(MAX_NAME_LENGTH), "a".repeat(MAX_NAME_LENGTH + 1)]);
        for name in names {
            assert_eq!(is_accepted(&name), HeaderName::from_bytes(name.as_bytes()).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn values_are_accepted_as_by_a_header_map() {
        for number in 0..=0x2FF {
            let character = char::from_u32(number).unwrap();
            let header = RawHeader::new("a".to_owned(), format!("b{character}"));
            let value = u8::try_from(number).ok().and_then(|byte| HeaderValue::from_bytes(&[b'b', byte]).ok());
            assert_eq!(header.map(|header| header.bytes().to_vec()), value.map(|value| value.as_bytes().to_vec()));
        }
        assert!(RawHeader::new("a".to_owned(), "\u{1F30A}".to_owned()).is_none());
    }

    #[test]
    fn map_holds_the_maximum_count_of_headers() {
        let raw = (0..LazyHeaders::MAX_COUNT).map(|number| header(&format!("x-{number}"), "")).collect();
        assert_eq!(LazyHeaders::raw(raw).map().len(), LazyHeaders::MAX_COUNT);
    }

    #[test]
    fn headers_are_the_same_before_and_after_parsing() {
        let mut headers = LazyHeaders::raw(vec![
            header("Vary", "a"),
            header("Content-Length", "5"),
            header("vary", "b"),
            header("x-a", ""),
        ]);
        assert_eq!(headers.content_length(), Some(5));
        let vary: Vec<_> = headers.map().get_all("vary").iter().collect();
        assert_eq!(vary, ["a", "b"]);
        headers.map_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("6"));
        assert_eq!((headers.content_length(), headers.map().keys_len()), (Some(6), 3));
        headers.map_mut().clear();
        assert_eq!((headers.content_length(), headers.map().len()), (None, 0));
    }
}
