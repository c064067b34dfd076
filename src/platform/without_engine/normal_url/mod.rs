//! URLs that are already in the normal form of the URL standard, read in a single pass.
//!
//! Most texts that a program gives to a client are in this form. The crate `url` parses every other text, also a text
//! of which this file is not sure, such as an IPv6 address, a userinfo or a host beyond ASCII.

use crate::message::url::{Scheme, Url, UrlParts};

/// The maximum number of digits of a port.
const MAX_PORT_LENGTH: usize = 5;

// Where a byte may stand, and stay as it is. Each set is a part of what the URL standard leaves as it is.
const HOST: u8 = 1;
const PATH: u8 = 2;
const QUERY: u8 = 4;
const FRAGMENT: u8 = 8;

/// The places of each byte.
const PLACES: [u8; 256] = places();

const fn places() -> [u8; 256] {
    let mut places = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        places[byte as usize] = match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' => HOST | PATH | QUERY | FRAGMENT,
            // An apostrophe in a query is percent-encoded.
            b'\'' => PATH | FRAGMENT,
            b'?' | b'[' | b']' => QUERY | FRAGMENT,
            b'A'..=b'Z' | b'!' | b'$' | b'%' | b'&' | b'('..=b',' | b'/' | b':' | b';' | b'=' | b'@' | b'_' | b'~' => {
                PATH | QUERY | FRAGMENT
            }
            _ => 0,
        };
        byte += 1;
    }
    places
}

/// Returns the URL of `input`, if `input` is in normal form, apart from a missing `/` of the path at the end.
pub(crate) fn parse_normal_url(input: &str) -> Option<Url> {
    let bytes = input.as_bytes();
    // The crate `url` refuses longer texts, with an error that says so.
    if u32::try_from(bytes.len()).is_err() {
        return None;
    }
    let (scheme, host) = match bytes {
        [b'h', b't', b't', b'p', b':', b'/', b'/', ..] => (Scheme::Http, 7),
        [b'h', b't', b't', b'p', b's', b':', b'/', b'/', ..] => (Scheme::Https, 8),
        _ => return None,
    };
    let host_end = host_end(bytes, host)?;
    let (port, path) = match bytes.get(host_end) {
        Some(b':') => port(bytes, host_end + 1, scheme)?,
        _ => (scheme.default_port(), host_end),
    };
    let Some(first) = bytes.get(path) else {
        let parts = UrlParts { host, host_end, port, path, query: path + 1, fragment: path + 1 };
        return Some(Url::from_normal([input, "/"].concat().into(), parts));
    };
    if *first != b'/' {
        return None;
    }
    let query = path_end(bytes, path)?;
    let fragment = if bytes.get(query) == Some(&b'?') { skip(bytes, query, QUERY) } else { query };
    let end = if bytes.get(fragment) == Some(&b'#') { skip(bytes, fragment + 1, FRAGMENT) } else { fragment };
    let parts = UrlParts { host, host_end, port, path, query, fragment };
    (end == bytes.len()).then(|| Url::from_normal(input.into(), parts))
}

/// Returns the URL of a link on the page `base`, if the result is in normal form and the link is an absolute URL, an
/// absolute path, or a path that begins with a letter or a digit.
pub(crate) fn join_normal_url(base: &Url, link: &str) -> Option<Url> {
    let bytes = link.as_bytes();
    // The end of what the link takes from the base.
    let end = match bytes {
        [b'/', b'/', ..] => return None,
        [b'/', ..] => base.path_start(),
        [b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9', ..] => {
            // A colon in the first segment may end a scheme.
            match bytes.iter().find(|byte| matches!(byte, b':' | b'/' | b'?' | b'#')) {
                Some(b':') => return parse_normal_url(link),
                _ => base.path_start() + base.path().rfind('/')? + 1,
            }
        }
        _ => return None,
    };
    parse_normal_url(&[base.as_str().get(..end)?, link].concat())
}

/// Returns the index of the first byte from `start` on that may not stand in `place`.
fn skip(bytes: &[u8], start: usize, place: u8) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    start + rest.iter().take_while(|byte| PLACES[usize::from(**byte)] & place != 0).count()
}

/// Returns the index of the first byte after the host that begins at `start`, or `None` if the host is not in normal
/// form: a domain, or an IPv4 address.
fn host_end(bytes: &[u8], start: usize) -> Option<usize> {
    let rest = bytes.get(start..)?;
    let mut length = 0;
    let mut last_label = 0;
    // As behind a dot: the host does not begin with a dot.
    let mut previous = b'.';
    for &byte in rest {
        if PLACES[usize::from(byte)] & HOST == 0 {
            break;
        }
        if previous == b'.' {
            // The parser of the crate decides about Punycode, and about a domain with an empty label.
            if byte == b'.' || (byte == b'x' && rest.get(length..)?.starts_with(b"xn--")) {
                return None;
            }
            last_label = length;
        }
        previous = byte;
        length += 1;
    }
    // A host whose last label is a number is an IPv4 address, also if the number is hexadecimal.
    let may_be_address = rest.get(last_label)?.is_ascii_digit();
    let is_normal = previous != b'.' && (!may_be_address || is_address(rest.get(..length)?));
    is_normal.then_some(start + length)
}

/// Returns whether a host of labels is an IPv4 address: four decimal numbers up to 255, without leading zeros.
fn is_address(host: &[u8]) -> bool {
    let mut dots = 0;
    let mut number = None;
    for byte in host {
        match (*byte, number) {
            (b'.', _) => {
                dots += 1;
                number = None;
            }
            (b'0'..=b'9', None) => number = Some(u32::from(byte - b'0')),
            (b'0'..=b'9', Some(before @ 1..=25)) => number = Some(before * 10 + u32::from(byte - b'0')),
            _ => return false,
        }
        if number > Some(255) {
            return false;
        }
    }
    dots == 3
}

/// Returns the port that begins at `start`, and the index of the first byte after it. The default port and leading
/// zeros are not in normal form.
fn port(bytes: &[u8], start: usize, scheme: Scheme) -> Option<(u16, usize)> {
    let mut port = 0;
    let mut at = start;
    while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
        port = port * 10 + u32::from(digit - b'0');
        at += 1;
        // More digits would overflow the number.
        if at - start > MAX_PORT_LENGTH {
            return None;
        }
    }
    let has_leading_zero = bytes.get(start) == Some(&b'0') && at > start + 1;
    let port = u16::try_from(port).ok()?;
    (at > start && !has_leading_zero && port != scheme.default_port()).then_some((port, at))
}

/// Returns the index of the first byte after the path that begins at `start`, or `None` if a segment may be a dot
/// segment.
fn path_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    while let Some(&byte) = bytes.get(at).filter(|byte| PLACES[usize::from(**byte)] & PATH != 0) {
        at += 1;
        if byte == b'/' && starts_like_dot_segment(bytes.get(at..).unwrap_or_default()) {
            return None;
        }
    }
    Some(at)
}

/// Returns whether a segment begins as `.` or `..` do, or as a text in which `%2e` stands for a dot.
fn starts_like_dot_segment(segment: &[u8]) -> bool {
    match segment {
        // A name with a dot in front, such as `.well-known`, is no dot segment.
        [b'.', b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~', ..] => false,
        [b'.', ..] | [b'%', b'2', b'e' | b'E', ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
