//! A response's headers, parsed into a map on first access.
//!
//! The map links the table of all known header names: 6 KB, a tenth of a small browser module. A program that reads no
//! header does not link it. Names are checked at once; the library itself looks up the headers it needs by text.

// Only a browser's backend creates headers that are not parsed yet.
#![allow(dead_code)]

use std::sync::OnceLock;

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The maximum length in bytes of a name in a [`HeaderMap`].
const MAX_NAME_LENGTH: usize = u16::MAX as usize;

#[derive(Default)]
pub(crate) struct LazyHeaders {
    /// The headers, if `raw` is empty.
    map: HeaderMap,
    /// The headers as the engine gave them, instead of `map`.
    raw: Vec<RawHeader>,
    /// The map of `raw`, filled on first access.
    parsed: OnceLock<HeaderMap>,
}

/// A header whose name is checked text, in lower case.
pub(crate) struct RawHeader {
    pub(crate) name: String,
    pub(crate) value: HeaderValue,
}

impl RawHeader {
    /// Returns `None` if `name` is not a valid field name (RFC 9110, section 5.1).
    pub(crate) fn new(mut name: String, value: HeaderValue) -> Option<Self> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        name.make_ascii_lowercase();
        ((1..=MAX_NAME_LENGTH).contains(&name.len()) && name.bytes().all(is_name)).then_some(Self { name, value })
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
        &mut self.map
    }

    pub(crate) fn content_length(&self) -> Option<u64> {
        // By text: access to the map would link it.
        let value = match self.raw.iter().find(|header| header.name == "content-length") {
            Some(header) => &header.value,
            None => self.map.get(CONTENT_LENGTH)?,
        };
        value.to_str().ok()?.parse().ok()
    }
}

fn parse(raw: &[RawHeader]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for RawHeader { name, value } in raw {
        // Neither fails: `RawHeader::new` has checked the name, and there are at most `MAX_COUNT` headers.
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            let _ = map.try_append(name, value.clone());
        }
    }
    map
}

impl From<HeaderMap> for LazyHeaders {
    fn from(map: HeaderMap) -> Self {
        Self { map, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: &'static str) -> RawHeader {
        RawHeader::new(name.to_owned(), HeaderValue::from_static(value)).unwrap()
    }

    #[test]
    fn names_are_accepted_as_by_a_header_map() {
        let is_accepted = |name: &str| RawHeader::new(name.to_owned(), HeaderValue::from_static("")).is_some();
        let mut names: Vec<String> = (0..=255_u8).map(|byte| format!("a{}", char::from(byte))).collect();
        names.extend(["".to_owned(), "a".repeat(MAX_NAME_LENGTH), "a".repeat(MAX_NAME_LENGTH + 1)]);
        for name in names {
            assert_eq!(is_accepted(&name), HeaderName::from_bytes(name.as_bytes()).is_ok(), "{name:?}");
        }
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
