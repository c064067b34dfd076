//! What the engine can do for us: the normal form of a text, a random number, bytes as text.

use js_sys::{JsString, Math, Uint8Array};

use super::global;

/// `text` in Unicode's normal form C.
pub(crate) fn normalize(text: &str) -> String {
    JsString::from(text).normalize("NFC").into()
}

/// `bytes` in base64 (RFC 4648, section 4); nothing if the engine has lost its function for that.
pub(crate) fn base64(bytes: &[u8]) -> Option<String> {
    global::btoa(&global::characters(bytes)).ok()
}

/// A number that nobody can guess; where the engine has no source of such, one that differs each time.
pub(crate) fn random() -> u64 {
    let bytes = Uint8Array::new_with_length(8);
    match global::get_random_values(&bytes) {
        Ok(_) => bytes.to_vec().iter().fold(0, |number, byte| number << 8 | u64::from(*byte)),
        Err(_) => Math::random().to_bits(),
    }
}
