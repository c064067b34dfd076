//! The grammar of a `set-cookie` header (RFC 6265bis, section 5.6).

use super::date;

/// The maximum length of an attribute's value, in bytes. A longer attribute is ignored.
const MAX_ATTRIBUTE_LENGTH: usize = 1024;

/// A `set-cookie` header in its parts. No rule has been applied to it yet.
pub(super) struct SetCookie<'a> {
    /// Empty for a cookie without a name.
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    /// The `Domain` without a dot before it; `None` if there is none or it is empty.
    pub(super) domain: Option<&'a str>,
    /// The `Path`; `None` if there is none or it does not begin with a slash.
    pub(super) path: Option<&'a str>,
    pub(super) secure: bool,
    /// The `Expires`, in seconds since 1970.
    pub(super) expires: Option<u64>,
    /// The `Max-Age` in seconds, 0 for a negative value.
    pub(super) max_age: Option<u64>,
}

impl<'a> SetCookie<'a> {
    /// Reads a header. Every text is a cookie: an attribute that is not valid is ignored.
    pub(super) fn parse(header: &'a str) -> Self {
        let mut parts = header.split(';');
        let pair = parts.next().unwrap_or_default();
        // A text without `=` is a value. Servers set such cookies, and scripts read them.
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        let mut cookie = Self {
            name: trim(name),
            value: trim(value),
            domain: None,
            path: None,
            secure: false,
            expires: None,
            max_age: None,
        };
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let value = trim(value);
            if value.len() <= MAX_ATTRIBUTE_LENGTH {
                cookie.set(trim(name), value);
            }
        }
        cookie
    }

    /// Sets an attribute. The last attribute of a name wins. An `Expires` or `Max-Age` that is not valid does not count.
    fn set(&mut self, name: &str, value: &'a str) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("expires") {
            self.expires = date::parse(value).or(self.expires);
        } else if is("max-age") {
            self.max_age = max_age(value).or(self.max_age);
        } else if is("domain") {
            self.domain = Some(value.strip_prefix('.').unwrap_or(value)).filter(|domain| !domain.is_empty());
        } else if is("path") {
            self.path = Some(value).filter(|path| path.starts_with('/'));
        } else if is("secure") {
            self.secure = true;
        }
    }
}

/// Removes the white space around a part: spaces and tabs alone.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Reads digits with or without a minus before them.
fn max_age(value: &str) -> Option<u64> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits.len() < value.len() {
        return Some(0);
    }
    // Only a number that is too large fails here.
    Some(digits.parse().unwrap_or(u64::MAX))
}
