//! The text of a body in the charset that the server names.

use data_url::mime::Mime;
use http::header::CONTENT_TYPE;

use super::lazy_headers::LazyHeaders;
use super::text;
use crate::platform;

/// Returns the charset of the content type.
pub(crate) fn of(headers: &LazyHeaders) -> Option<String> {
    // Of several types the last valid type wins. A later type that is the same keeps the charset of an earlier type
    // (Fetch, "extract a MIME type").
    let mut last: Option<(String, Option<String>)> = None;
    let values = headers.map().get_all(CONTENT_TYPE).iter();
    for text in values.flat_map(|value| types(value.as_bytes())) {
        let Ok(mime) = text.parse::<Mime>() else { continue };
        let essence = format!("{}/{}", mime.type_, mime.subtype);
        if essence == "*/*" {
            continue;
        }
        let earlier = last.take().filter(|(kind, _)| *kind == essence).and_then(|(_, charset)| charset);
        let charset = mime.get_parameter("charset").map(str::to_owned).or(earlier);
        last = Some((essence, charset));
    }
    last.and_then(|(_, charset)| charset)
}

/// Splits a field at its commas, except within quoted strings. Each byte is a character (Fetch, "get, decode, and
/// split"): a byte above 0x7F in a parameter must not hide the charset beside it.
fn types(field: &[u8]) -> Vec<String> {
    let mut types = vec![String::new()];
    let mut is_quoted = false;
    let mut is_escaped = false;
    for byte in field {
        match byte {
            b',' if !is_quoted => {
                types.push(String::new());
                continue;
            }
            b'"' if !is_escaped => is_quoted = !is_quoted,
            _ => {}
        }
        is_escaped = is_quoted && *byte == b'\\' && !is_escaped;
        if let Some(last) = types.last_mut() {
            last.push(char::from(*byte));
        }
    }
    types
}

/// Decodes a body in this charset, or as UTF-8 if there is no charset, or if no decoder has its name.
pub(crate) fn decode(charset: Option<&str>, bytes: &[u8]) -> String {
    let decoded = charset.and_then(|charset| platform::decode(charset, bytes));
    decoded.unwrap_or_else(|| text::decode_utf8(bytes))
}

#[cfg(test)]
mod tests {
    use http::header::CONTENT_TYPE;
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn charset_of(fields: &[&'static [u8]]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(CONTENT_TYPE, HeaderValue::from_bytes(field).unwrap());
        }
        of(&headers.into())
    }

    #[test]
    fn charset_is_found_as_the_standards_say() {
        let table: [(&[&[u8]], Option<&str>); 26] = [
            (&[], None),
            (&[b"text/html"], None),
            (&[b"text/html; charset=gbk"], Some("gbk")),
            (&[b"text/html;charset=gbk"], Some("gbk")),
            (&[b"Text/HTML; CharSet=GBK"], Some("GBK")),
            (&[b"text/html; charset=\"gbk\""], Some("gbk")),
            (&[b"text/html; charset=\"g\\b\\k\""], Some("gbk")),
            (&[b"text/html; boundary=\"; charset=x\"; charset=gbk"], Some("gbk")),
            (&[b"text/html; charset=gbk; charset=utf-8"], Some("gbk")),
            (&[b"text/html; charset"], None),
            (&[b"text/html; charset="], None),
            (&[b"charset=gbk"], None),
            (&[b"text/html; charset=\xE9"], Some("\u{e9}")),
            // Several fields: the last valid type, and its charset or that of the same type before it.
            (&[b"text/html; charset=gbk", b"text/html"], Some("gbk")),
            (&[b"text/html; charset=gbk", b"text/plain"], None),
            (&[b"text/html; charset=gbk", b"*/*"], Some("gbk")),
            // A field may have several types, and any byte beside its charset.
            (&[b"text/html;charset=gbk, text/html"], Some("gbk")),
            (&[b"text/html;charset=gbk, text/plain"], None),
            (&[b"text/html;charset=gbk,"], Some("gbk")),
            (&[b", text/html;charset=gbk"], Some("gbk")),
            (&[b"text/html;charset=gbk, */*"], Some("gbk")),
            (&[b"text/html; title=\"a, b\"; charset=gbk"], Some("gbk")),
            (&[b"text/html; title=\"a\\\", b\"; charset=gbk"], Some("gbk")),
            (&[b"text/html; title=\"caf\xE9\"; charset=gbk"], Some("gbk")),
            (&[b"text/html; charset=gbk; title=caf\xE9"], Some("gbk")),
            (&[b"text/html; charset=gbk; title=\"a, text/plain"], Some("gbk")),
        ];
        for (fields, expected) in table {
            assert_eq!(charset_of(fields).as_deref(), expected, "{fields:?}");
        }
    }
}
