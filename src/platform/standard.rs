//! What the standard library and the crates behind `url` can do where there is an operating system: the normal form of a
//! text, a random number, bytes as text.

use std::hash::{BuildHasher, RandomState};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use unicode_normalization::UnicodeNormalization;

/// `text` in Unicode's normal form C.
pub(crate) fn normalize(text: &str) -> String {
    text.nfc().collect()
}

/// A number that nobody can guess: a keyed hash whose key the standard library takes from the system.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0u8)
}

/// `bytes` in base64 (RFC 4648, section 4).
pub(crate) fn base64(bytes: &[u8]) -> Option<String> {
    Some(STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_composed_letter_is_one_character() {
        assert_eq!(normalize("e\u{301}"), "\u{e9}");
    }

    #[test]
    fn random_numbers_differ() {
        let numbers: std::collections::HashSet<_> = (0..1000).map(|_| random()).collect();
        assert_eq!(numbers.len(), 1000);
    }
}
