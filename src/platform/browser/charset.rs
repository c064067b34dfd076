//! The engine's decoders of the Encoding standard.

use js_sys::{JsString, Uint8Array};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    type TextDecoder;

    #[wasm_bindgen(constructor, catch)]
    fn new(label: &str) -> Result<TextDecoder, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn decode(this: &TextDecoder, bytes: &Uint8Array) -> Result<JsString, JsValue>;
}

/// Decodes `bytes`, whose encoding has this label, or whose byte order mark names another encoding. Returns `None` for
/// a label that is not in the Encoding standard.
pub(crate) fn decode(label: &str, bytes: &[u8]) -> Option<String> {
    // The engine does not look at a byte order mark of another encoding (Encoding standard, section 6, "decode").
    let label = match bytes {
        [0xEF, 0xBB, 0xBF, ..] => "utf-8",
        [0xFE, 0xFF, ..] => "utf-16be",
        [0xFF, 0xFE, ..] => "utf-16le",
        _ => label,
    };
    // A copy, because a decoder refuses a view of memory that threads share.
    let text = TextDecoder::new(label).ok()?.decode(&Uint8Array::from(bytes)).ok()?;
    Some(text.into())
}
