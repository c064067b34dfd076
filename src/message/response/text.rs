//! The text of a body in UTF-8.

/// Decodes a body's bytes as UTF-8, without a byte order mark.
pub(crate) fn decode_utf8(bytes: &[u8]) -> String {
    String::from_utf8_lossy(without_byte_order_mark(bytes)).into_owned()
}

/// Removes a UTF-8 byte order mark from the beginning of a body.
pub(crate) fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}
