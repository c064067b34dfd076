//! The text of a body: in the charset that the server names, or in UTF-8.

use super::lazy_headers::LazyHeaders;

/// Returns the charset of the content type.
#[cfg(feature = "charset")]
pub(crate) fn charset(headers: &LazyHeaders) -> Option<String> {
    use data_url::mime::Mime;
    use http::header::CONTENT_TYPE;

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

/// Returns `None`: without the feature `charset` every text is UTF-8, and the headers are not read for it.
#[cfg(not(feature = "charset"))]
pub(crate) fn charset(_headers: &LazyHeaders) -> Option<String> {
    None
}

/// Decodes a body in this charset, or as UTF-8 if there is no charset, or if no decoder has its name.
#[cfg_attr(not(feature = "charset"), allow(unused_variables, reason = "there are no decoders without the feature"))]
pub(crate) fn decode(charset: Option<&str>, bytes: &[u8]) -> String {
    #[cfg(feature = "charset")]
    if let Some(text) = charset.and_then(|charset| crate::platform::decode(charset, bytes)) {
        return text;
    }
    decode_utf8(bytes)
}

/// Decodes a body's bytes as UTF-8, without a byte order mark.
pub(crate) fn decode_utf8(bytes: &[u8]) -> String {
    String::from_utf8_lossy(without_byte_order_mark(bytes)).into_owned()
}

/// Removes a UTF-8 byte order mark from the beginning of a body.
pub(crate) fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

#[cfg(all(test, feature = "charset"))]
mod tests {
    use http::header::CONTENT_TYPE;
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn charset_of(fields: &[&'static [u8]]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(CONTENT_TYPE, HeaderValue::from_bytes(field).unwrap());
        }
        charset(&headers.into())
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
