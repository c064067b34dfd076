//! Functions of the standard library and of the crates behind `url`, on platforms without a JavaScript engine: the
//! normal form of a text, a random number, base64.

use std::hash::{BuildHasher, RandomState};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use unicode_normalization::UnicodeNormalization;

/// Returns `text` in Unicode normal form C.
pub(crate) fn normalize(text: &str) -> String {
    text.nfc().collect()
}

/// Returns a number that cannot be guessed: a keyed hash with a key that the standard library takes from the system.
pub(crate) fn random() -> u64 {
    // The standard library has no random numbers, and its hasher takes its keys from the system: this saves a crate.
    RandomState::new().hash_one(0u8)
}

/// Returns `bytes` in base64 (RFC 4648, section 4).
pub(crate) fn base64(bytes: &[u8]) -> Option<String> {
    Some(STANDARD.encode(bytes))
}

/// Decodes `bytes`, whose encoding has this label, or whose byte order mark names another encoding. Returns `None` for
/// a label that is not in the Encoding standard.
#[cfg(feature = "charset")]
pub(crate) fn decode(label: &str, bytes: &[u8]) -> Option<String> {
    // As in an engine's `TextDecoder`: encodings that can hide scripts have no decoder (the "replacement" encoding).
    let encoding = encoding_rs::Encoding::for_label_no_replacement(label.as_bytes())?;
    Some(encoding.decode(bytes).0.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composed_letter_is_a_single_character() {
        assert_eq!(normalize("e\u{301}"), "\u{e9}");
    }

    #[test]
    fn random_numbers_differ() {
        let numbers: std::collections::HashSet<_> = (0..1000).map(|_| random()).collect();
        assert_eq!(numbers.len(), 1000);
    }

    #[cfg(feature = "charset")]
    #[test]
    fn every_byte_of_windows_1252_is_decoded() {
        // Not among the scenarios: Node 20 decodes 80 to 9F as control characters.
        assert_eq!(decode("iso-8859-1", b"\x80\x9f\xe9").as_deref(), Some("\u{20ac}\u{178}\u{e9}"));
    }
}
