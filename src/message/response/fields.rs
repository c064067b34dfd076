//! A response's headers: as they came, until somebody looks. The table of the names that there are is a tenth of a small
//! module, and a program that looks at no header does not link it.

// Only a browser's backend has any that nobody has read.
#![allow(dead_code)]

use std::fmt;
use std::sync::OnceLock;

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The longest name that a map takes.
const LONGEST_NAME: usize = u16::MAX as usize;

#[derive(Default)]
pub(crate) struct Fields {
    map: HeaderMap,
    /// As they came, instead of the map.
    unread: Vec<Field>,
    /// The map of those, once somebody has looked.
    read: OnceLock<HeaderMap>,
}

/// A field whose name is the text of one.
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) value: HeaderValue,
}

impl Field {
    /// `None` if no field can have that name (RFC 9110, section 5.1).
    pub(crate) fn new(mut name: String, value: HeaderValue) -> Option<Self> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        name.make_ascii_lowercase();
        ((1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_name)).then_some(Self { name, value })
    }
}

impl Fields {
    /// The most fields that a map takes, whatever their names.
    pub(crate) const MOST: usize = 24_000;

    pub(crate) fn unread(unread: Vec<Field>) -> Self {
        Self { unread, ..Self::default() }
    }

    pub(crate) fn map(&self) -> &HeaderMap {
        if self.unread.is_empty() { &self.map } else { self.read.get_or_init(|| read(&self.unread)) }
    }

    pub(crate) fn map_mut(&mut self) -> &mut HeaderMap {
        let unread = std::mem::take(&mut self.unread);
        if !unread.is_empty() {
            self.map = self.read.take().unwrap_or_else(|| read(&unread));
        }
        &mut self.map
    }

    pub(crate) fn content_length(&self) -> Option<u64> {
        let value = match self.unread.iter().find(|field| field.name == "content-length") {
            Some(field) => &field.value,
            None => self.map.get(CONTENT_LENGTH)?,
        };
        value.to_str().ok()?.parse().ok()
    }
}

fn read(unread: &[Field]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for Field { name, value } in unread {
        // Both have been seen to be possible.
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            let _ = map.try_append(name, value.clone());
        }
    }
    map
}

impl From<HeaderMap> for Fields {
    fn from(map: HeaderMap) -> Self {
        Self { map, ..Self::default() }
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.map().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &'static str) -> Field {
        Field::new(name.to_owned(), HeaderValue::from_static(value)).unwrap()
    }

    #[test]
    fn what_is_taken_for_a_name_is_what_a_map_takes() {
        let is_taken = |name: &str| Field::new(name.to_owned(), HeaderValue::from_static("")).is_some();
        let mut names: Vec<String> = (0..=255_u8).map(|byte| format!("a{}", char::from(byte))).collect();
        names.extend(["".to_owned(), "a".repeat(LONGEST_NAME), "a".repeat(LONGEST_NAME + 1)]);
        for name in names {
            assert_eq!(is_taken(&name), HeaderName::from_bytes(name.as_bytes()).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn a_map_takes_as_many_as_are_let_in() {
        let unread = (0..Fields::MOST).map(|number| field(&format!("x-{number}"), "")).collect();
        assert_eq!(Fields::unread(unread).map().len(), Fields::MOST);
    }

    #[test]
    fn they_are_the_same_before_and_after_somebody_looks() {
        let mut fields = Fields::unread(vec![
            field("Vary", "a"),
            field("Content-Length", "5"),
            field("vary", "b"),
            field("x-a", ""),
        ]);
        assert_eq!(fields.content_length(), Some(5));
        let vary: Vec<_> = fields.map().get_all("vary").iter().collect();
        assert_eq!(vary, ["a", "b"]);
        assert_eq!(format!("{fields:?}"), format!("{:?}", fields.map()));
        fields.map_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("6"));
        assert_eq!((fields.content_length(), fields.map().keys_len()), (Some(6), 3));
        fields.map_mut().clear();
        assert_eq!((fields.content_length(), fields.map().len()), (None, 0));
    }
}
