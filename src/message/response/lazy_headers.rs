//! A response's headers, parsed into a map on first access.
//!
//! The map links the table of all known header names: 6 KB, a tenth of a small browser module. A program that reads no
//! header does not link it. Names and values are checked at once; the library itself looks up the headers it needs by
//! text.

use std::sync::OnceLock;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::header_block::HeaderBlock;

/// A response's headers.
#[derive(Default)]
pub(crate) struct LazyHeaders {
    /// All headers, if they were given as a map or have been changed. They then replace `unparsed`. The map is boxed,
    /// because each response is moved and few have it.
    map: Option<Box<HeaderMap>>,
    unparsed: Unparsed,
    /// Reads the length of the body in `map`. It is set where a map is: a browser program that creates none does not link
    /// the search in it.
    find_length: Option<fn(&HeaderMap) -> Option<u64>>,
    /// The map of `unparsed`, filled on first access. It is boxed, because few programs read headers, and each
    /// response is moved.
    parsed: OnceLock<Box<HeaderMap>>,
}

/// Headers that are not in a map.
#[derive(Default)]
enum Unparsed {
    #[default]
    Nothing,
    /// The headers as a JavaScript engine gave them.
    #[allow(dead_code, reason = "only the backend of a browser creates them")]
    Raw(Vec<RawHeader>),
    /// The lines that a server sent.
    Lines(HeaderBlock),
}

impl Unparsed {
    fn to_map(&self) -> HeaderMap {
        match self {
            Self::Nothing => HeaderMap::new(),
            Self::Raw(raw) => parse(raw),
            Self::Lines(lines) => lines.to_map(),
        }
    }
}

/// A header as the text that an engine gives, checked, with its name in lower case.
pub(crate) struct RawHeader {
    pub(crate) name: String,
    /// The value with a character for each byte, of the same number.
    pub(crate) value: String,
}

#[allow(dead_code, reason = "only the backend of a browser creates them")]
impl RawHeader {
    /// Returns `None` if `name` is not a valid field name (RFC 9110, section 5.1), or if `value` has a character that is
    /// not a byte of a header's value (section 5.5).
    pub(crate) fn new(mut name: String, value: String) -> Option<Self> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        // In UTF-8, exactly the characters above 255 have a byte above 0xC3.
        let is_value = |byte: u8| byte == b'\t' || (matches!(byte, b' '..=0xC3) && byte != 0x7F);
        name.make_ascii_lowercase();
        let is_short = (1..=HeaderBlock::MAX_NAME_LENGTH).contains(&name.len());
        let is_valid = is_short && name.bytes().all(is_name) && value.bytes().all(is_value);
        is_valid.then_some(Self { name, value })
    }

    /// Returns the bytes of the value.
    fn bytes(&self) -> Bytes {
        self.value.chars().filter_map(|character| u8::try_from(character).ok()).collect()
    }
}

impl LazyHeaders {
    /// The number of headers that a [`HeaderMap`] holds for any names.
    #[allow(dead_code, reason = "only the backend of a browser uses it")]
    pub(crate) const MAX_COUNT: usize = HeaderBlock::MAX_LINES;

    #[allow(dead_code, reason = "only the backend of a browser calls it")]
    pub(crate) fn raw(raw: Vec<RawHeader>) -> Self {
        Self { unparsed: Unparsed::Raw(raw), ..Self::default() }
    }

    /// Keeps lines that a server sent. They are parsed into a map on first access.
    pub(crate) fn lines(lines: HeaderBlock) -> Self {
        Self { unparsed: Unparsed::Lines(lines), ..Self::default() }
    }

    pub(crate) fn map(&self) -> &HeaderMap {
        match &self.map {
            Some(map) => map,
            None => self.parsed.get_or_init(|| Box::new(self.unparsed.to_map())),
        }
    }

    pub(crate) fn map_mut(&mut self) -> &mut HeaderMap {
        self.find_length = Some(length_in_map);
        let unparsed = std::mem::take(&mut self.unparsed);
        let parsed = self.parsed.take();
        self.map.get_or_insert_with(|| parsed.unwrap_or_else(|| Box::new(unparsed.to_map())))
    }

    /// Returns whether there is a header of this name, without making the map.
    pub(crate) fn contains(&self, name: &HeaderName) -> bool {
        match &self.unparsed {
            Unparsed::Lines(lines) => lines.values(name.as_str()).next().is_some(),
            Unparsed::Nothing | Unparsed::Raw(_) => self.map().contains_key(name),
        }
    }

    pub(crate) fn content_length(&self) -> Option<u64> {
        // By text: access to the map would link it.
        match &self.unparsed {
            Unparsed::Nothing => self.find_length?(self.map.as_ref()?),
            Unparsed::Raw(raw) => raw.iter().find(|header| header.name == "content-length")?.value.parse().ok(),
            Unparsed::Lines(lines) => lines.content_length,
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
    map
}

impl From<HeaderMap> for LazyHeaders {
    fn from(map: HeaderMap) -> Self {
        Self { map: Some(Box::new(map)), find_length: Some(length_in_map), ..Self::default() }
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
        names.extend([
            "".to_owned(),
            "a".repeat(HeaderBlock::MAX_NAME_LENGTH),
            "a".repeat(HeaderBlock::MAX_NAME_LENGTH + 1),
        ]);
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
        let raw = LazyHeaders::raw(vec![
            header("Vary", "a"),
            header("Content-Length", "5"),
            header("vary", "b"),
            header("x-a", ""),
        ]);
        let lines = Bytes::from_static(b"Vary: a\r\nContent-Length: 5\r\nvary: b\r\nx-a:\r\n\r\n");
        for mut headers in [raw, LazyHeaders::lines(HeaderBlock::new(lines, Some(5)))] {
            assert_eq!(headers.content_length(), Some(5));
            let vary: Vec<_> = headers.map().get_all("vary").iter().collect();
            assert_eq!(vary, ["a", "b"]);
            headers.map_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("6"));
            assert_eq!((headers.content_length(), headers.map().keys_len()), (Some(6), 3));
            headers.map_mut().clear();
            assert_eq!((headers.content_length(), headers.map().len()), (None, 0));
        }
    }
}
