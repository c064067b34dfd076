//! The engine's globals, declared as far as they are used. They are looked up on `globalThis`, never on `window`, so
//! that workers and Node have them too.
//!
//! Every call that may throw is caught: an exception that passes through WebAssembly runs no destructor. What a page may
//! have replaced, a response first of all, is read with [`get`], which believes nothing of it.

use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch)]
    pub(super) fn fetch(request: &Request) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, js_name = setTimeout)]
    pub(super) fn set_timeout(callback: &Function, milliseconds: i32) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, js_name = clearTimeout)]
    pub(super) fn clear_timeout(id: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, js_namespace = crypto, js_name = getRandomValues)]
    pub(super) fn get_random_values(array: &js_sys::Uint8Array) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, js_namespace = performance, js_name = now)]
    pub(super) fn now() -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) fn btoa(characters: &str) -> Result<String, JsValue>;

    #[wasm_bindgen(catch, js_namespace = Array, js_name = from)]
    pub(super) fn array_from(iterable: &JsValue) -> Result<Array, JsValue>;

    pub(super) type AbortController;
    #[wasm_bindgen(catch, constructor)]
    pub(super) fn new() -> Result<AbortController, JsValue>;
    #[wasm_bindgen(catch, method)]
    pub(super) fn abort(this: &AbortController) -> Result<(), JsValue>;

    pub(super) type Blob;
    #[wasm_bindgen(catch, constructor)]
    pub(super) fn new(parts: &Array) -> Result<Blob, JsValue>;

    /// `Uint8Array`, over memory that may have been taken away.
    #[wasm_bindgen(js_name = Uint8Array)]
    pub(super) type ByteArray;
    #[wasm_bindgen(catch, constructor, js_class = "Uint8Array")]
    pub(super) fn new(buffer: &JsValue, offset: &JsValue, length: &JsValue) -> Result<ByteArray, JsValue>;

    pub(super) type DataView;
    #[wasm_bindgen(catch, constructor)]
    pub(super) fn new(buffer: &JsValue) -> Result<DataView, JsValue>;

    pub(super) type ReadableStream;
    #[wasm_bindgen(catch, constructor)]
    pub(super) fn new(source: &Object, strategy: &Object) -> Result<ReadableStream, JsValue>;

    pub(super) type Headers;
    #[wasm_bindgen(catch, constructor)]
    pub(super) fn new() -> Result<Headers, JsValue>;
    #[wasm_bindgen(catch, method)]
    pub(super) fn append(this: &Headers, name: &str, value: &str) -> Result<(), JsValue>;

    pub(super) type Request;
    #[wasm_bindgen(catch, constructor)]
    pub(super) fn new(url: &str, init: &Object) -> Result<Request, JsValue>;

    #[wasm_bindgen(js_name = URL)]
    pub(super) type EngineUrl;
    #[wasm_bindgen(catch, constructor, js_class = "URL")]
    pub(super) fn new(input: &str) -> Result<EngineUrl, JsValue>;
    #[wasm_bindgen(catch, constructor, js_class = "URL")]
    pub(super) fn with_base(input: &str, base: &str) -> Result<EngineUrl, JsValue>;
}

/// The characters with the numbers of these bytes: how the engine shows bytes in a text.
pub(super) fn characters(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// A member of a value that may be anything; undefined if there is none.
pub(super) fn get(of: &JsValue, name: &str) -> Result<JsValue, JsValue> {
    if of.is_object() || of.is_function() { Reflect::get(of, &JsValue::from_str(name)) } else { Ok(JsValue::UNDEFINED) }
}

/// Calls a method of a value that may be anything.
pub(super) fn call(of: &JsValue, name: &str) -> Result<JsValue, JsValue> {
    get(of, name)?.dyn_into::<Function>()?.call0(of)
}

/// The same with an argument.
pub(super) fn call1(of: &JsValue, name: &str, argument: &JsValue) -> Result<JsValue, JsValue> {
    get(of, name)?.dyn_into::<Function>()?.call1(of, argument)
}

/// A promise for what a call returned, whether it was one or not.
///
/// A new one, since what has a `then` of its own may throw when it is called, and then rejects this one.
pub(super) fn promise(returned: &JsValue) -> Promise {
    Promise::race(&Array::of1(returned))
}
