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
}
