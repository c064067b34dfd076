//! The text of a body in the charset that the server names.

use data_url::mime::Mime;
use http::header::CONTENT_TYPE;

use super::lazy_headers::LazyHeaders;
use super::text;
use crate::platform;

/// Returns the charset of the content type.
pub(crate) fn of(headers: &LazyHeaders) -> Option<String> {
    // Of several fields the last valid type wins. A later field of the same type keeps the charset of an earlier field
    // (Fetch, "extract a MIME type").
    let mut last: Option<(String, Option<String>)> = None;
    for value in headers.map().get_all(CONTENT_TYPE) {
        let mime = value.to_str().ok().and_then(|value| value.parse::<Mime>().ok());
        let Some(mime) = mime.filter(|mime| mime.type_ != "*") else { continue };
        let essence = format!("{}/{}", mime.type_, mime.subtype);
        let earlier = last.take().filter(|(kind, _)| *kind == essence).and_then(|(_, charset)| charset);
        let charset = mime.get_parameter("charset").map(str::to_owned).or(earlier);
        last = Some((essence, charset));
    }
    last.and_then(|(_, charset)| charset)
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
        let table: [(&[&[u8]], Option<&str>); 16] = [
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
            (&[b"text/html; charset=\xE9"], None),
            // Several fields: the last valid type, and its charset or that of the same type before it.
            (&[b"text/html; charset=gbk", b"text/html"], Some("gbk")),
            (&[b"text/html; charset=gbk", b"text/plain"], None),
            (&[b"text/html; charset=gbk", b"*/*"], Some("gbk")),
        ];
        for (fields, expected) in table {
            assert_eq!(charset_of(fields).as_deref(), expected, "{fields:?}");
        }
    }
}
