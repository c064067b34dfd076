//! The engine's globals, declared as far as they are used. They are looked up on `globalThis`, never on `window`, so
//! that workers and Node have them too; every call that may throw is caught.

use js_sys::{Array, ArrayBuffer, Function, Iterator, Object, Promise};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch)]
    pub(super) fn fetch(request: &Request) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = setTimeout)]
    pub(super) fn set_timeout(callback: &Function, milliseconds: i32) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = clearTimeout)]
    pub(super) fn clear_timeout(id: &JsValue);

    #[wasm_bindgen(catch, js_namespace = crypto, js_name = getRandomValues)]
    pub(super) fn get_random_values(array: &js_sys::Uint8Array) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub(super) fn now() -> f64;

    pub(super) type AbortController;
    #[wasm_bindgen(catch, constructor)]
    pub(super) fn new() -> Result<AbortController, JsValue>;
    #[wasm_bindgen(method)]
    pub(super) fn abort(this: &AbortController);
    #[wasm_bindgen(method, getter)]
    pub(super) fn signal(this: &AbortController) -> JsValue;

    pub(super) type Blob;
    #[wasm_bindgen(catch, constructor)]
    pub(super) fn new(parts: &Array) -> Result<Blob, JsValue>;

    pub(super) type Headers;
    #[wasm_bindgen(catch, constructor)]
    pub(super) fn new() -> Result<Headers, JsValue>;
    #[wasm_bindgen(catch, method)]
    pub(super) fn append(this: &Headers, name: &str, value: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, method)]
    pub(super) fn has(this: &Headers, name: &str) -> Result<bool, JsValue>;
    #[wasm_bindgen(catch, method)]
    pub(super) fn entries(this: &Headers) -> Result<Iterator, JsValue>;

    pub(super) type Request;
    #[wasm_bindgen(catch, constructor)]
    pub(super) fn new(url: &str, init: &Object) -> Result<Request, JsValue>;
    #[wasm_bindgen(method, getter)]
    pub(super) fn headers(this: &Request) -> Headers;

    pub(super) type Response;
    #[wasm_bindgen(method, getter)]
    pub(super) fn status(this: &Response) -> u16;
    #[wasm_bindgen(method, getter)]
    pub(super) fn url(this: &Response) -> String;
    #[wasm_bindgen(method, getter, js_name = type)]
    pub(super) fn kind(this: &Response) -> String;
    #[wasm_bindgen(method, getter)]
    pub(super) fn redirected(this: &Response) -> bool;
    #[wasm_bindgen(method, getter)]
    pub(super) fn headers(this: &Response) -> Headers;
    #[wasm_bindgen(method, getter)]
    pub(super) fn body(this: &Response) -> JsValue;
    #[wasm_bindgen(catch, method, js_name = arrayBuffer)]
    pub(super) fn array_buffer(this: &Response) -> Result<Promise<ArrayBuffer>, JsValue>;

    pub(super) type ReadableStream;
    #[wasm_bindgen(catch, method, js_name = getReader)]
    pub(super) fn get_reader(this: &ReadableStream) -> Result<Reader, JsValue>;

    #[wasm_bindgen(js_name = ReadableStreamDefaultReader)]
    pub(super) type Reader;
    #[wasm_bindgen(catch, method)]
    pub(super) fn read(this: &Reader) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_name = URL)]
    pub(super) type EngineUrl;
    #[wasm_bindgen(catch, constructor, js_class = "URL")]
    pub(super) fn new(input: &str) -> Result<EngineUrl, JsValue>;
    #[wasm_bindgen(catch, constructor, js_class = "URL")]
    pub(super) fn with_base(input: &str, base: &str) -> Result<EngineUrl, JsValue>;
    #[wasm_bindgen(method, getter, js_class = "URL")]
    pub(super) fn href(this: &EngineUrl) -> String;
}
