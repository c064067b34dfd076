//! Functions that the engine provides: the normal form of a text, a random number, base64.

use js_sys::{JsString, Math, Uint8Array};

use super::global;

/// Returns `text` in Unicode normal form C.
pub(crate) fn normalize(text: &str) -> String {
    JsString::from(text).normalize("NFC").into()
}

/// Returns `bytes` in base64 (RFC 4648, section 4), or `None` if the page has removed the engine's function for it.
pub(crate) fn base64(bytes: &[u8]) -> Option<String> {
    global::btoa(&global::characters(bytes)).ok()
}

/// Returns a number that cannot be guessed. If the engine has no `crypto`, the number differs each time but can be
/// guessed.
pub(crate) fn random() -> u64 {
    let bytes = Uint8Array::new_with_length(8);
    match global::get_random_values(&bytes) {
        Ok(_) => bytes.to_vec().iter().fold(0, |number, byte| number << 8 | u64::from(*byte)),
        Err(_) => Math::random().to_bits(),
    }
}
