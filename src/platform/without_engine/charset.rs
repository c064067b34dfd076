//! The decoders of the Encoding standard.

use encoding_rs::Encoding;

/// Decodes `bytes`, whose encoding has this label, or whose byte order mark names another encoding. Returns `None` for
/// a label that is not in the Encoding standard.
pub(crate) fn decode(label: &str, bytes: &[u8]) -> Option<String> {
    // As in an engine's `TextDecoder`: encodings that can hide scripts have no decoder (the "replacement" encoding).
    let encoding = Encoding::for_label_no_replacement(label.as_bytes())?;
    Some(encoding.decode(bytes).0.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_windows_1252_is_decoded() {
        // Not among the scenarios: Node 20 decodes 80 to 9F as control characters.
        assert_eq!(decode("iso-8859-1", b"\x80\x9f\xe9").as_deref(), Some("\u{20ac}\u{178}\u{e9}"));
    }
}
