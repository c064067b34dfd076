//! The globals of the engine that are used here. They are looked up on `globalThis` and not on `window`, because
//! workers and Node have no `window`.
//!
//! Each call that may throw is caught: an exception that passes through WebAssembly runs no destructor. A page may
//! replace any of these values, so the members of a returned value are read with [`get`], which assumes nothing about
//! the value.

use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = globalThis)]
    static GLOBAL_THIS: JsValue;

    #[wasm_bindgen(catch, js_namespace = Reflect, js_name = get)]
    fn get_for(target: &JsValue, name: &str, receiver: &JsValue) -> Result<JsValue, JsValue>;

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

    #[wasm_bindgen(js_name = Blob)]
    pub(super) type EngineBlob;
    #[wasm_bindgen(catch, constructor, js_class = "Blob")]
    pub(super) fn new(parts: &Array) -> Result<EngineBlob, JsValue>;

    /// `Uint8Array`, constructed over a buffer that may be detached, which throws.
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

    type Document;
    #[wasm_bindgen(catch, getter, static_method_of = Document, js_class = "document", js_name = baseURI)]
    fn base_uri() -> Result<JsValue, JsValue>;

    type Location;
    #[wasm_bindgen(catch, getter, static_method_of = Location, js_class = "location", js_name = href)]
    fn href() -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = URL)]
    pub(super) type EngineUrl;
    #[wasm_bindgen(catch, constructor, js_class = "URL")]
    pub(super) fn new(input: &str, base: &JsValue) -> Result<EngineUrl, JsValue>;
}

/// Returns a text with a character for each byte, of the same number: the form in which an engine takes bytes as text.
pub(super) fn characters(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// Returns a member of any value, or `undefined` if it has no such member.
pub(super) fn get(of: &JsValue, name: &str) -> Result<JsValue, JsValue> {
    if of.is_object() || of.is_function() { Reflect::get(of, &JsValue::from_str(name)) } else { Ok(JsValue::UNDEFINED) }
}

/// Returns `document.baseURI`. It throws where there is no document.
pub(super) fn base_uri() -> Result<JsValue, JsValue> {
    Document::base_uri()
}

/// Returns `location.href`. It throws where there is no location.
pub(super) fn location_href() -> Result<JsValue, JsValue> {
    Location::href()
}

/// Returns a global, or `undefined` if the engine has no such global.
pub(super) fn named(name: &str) -> Result<JsValue, JsValue> {
    GLOBAL_THIS.with(|this| get(this, name))
}

/// Reads the member `name` of `of` by the getter of the class `class`, which throws unless `of` is an object of that
/// class. An object that only looks like it, or a member that hides the getter, is not read.
pub(super) fn get_as(class: &str, of: &JsValue, name: &str) -> Result<JsValue, JsValue> {
    get_for(&get(&named(class)?, "prototype")?, name, of)
}

/// Calls a method of any value.
pub(super) fn call(of: &JsValue, name: &str) -> Result<JsValue, JsValue> {
    get(of, name)?.dyn_into::<Function>()?.call0(of)
}

/// Calls a method of any value with an argument.
pub(super) fn call1(of: &JsValue, name: &str, argument: &JsValue) -> Result<JsValue, JsValue> {
    get(of, name)?.dyn_into::<Function>()?.call1(of, argument)
}

/// Calls a method of any value with two arguments.
pub(super) fn call2(of: &JsValue, name: &str, first: &JsValue, second: &JsValue) -> Result<JsValue, JsValue> {
    get(of, name)?.dyn_into::<Function>()?.call2(of, first, second)
}

/// Returns a promise of the value that a call returned, which may be a promise or not.
///
/// It is a new promise: the value may have a `then` of its own that throws, and that rejects the new promise.
pub(super) fn promise(returned: &JsValue) -> Promise {
    Promise::race(&Array::of1(returned))
}
