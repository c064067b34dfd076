//! Blobs in an engine whose `Blob` or `File` was replaced, and blobs whose upload fails.

use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;
use waterspout::multipart::{Form, Part};
use waterspout::platform::browser::{Blob, FetchBackend, FetchInit};
use waterspout::{Backend, Body, CallContext, Client, ErrorKind, Phase, Request};

use super::URL;
use super::shim::{Shim, number};

fn value(code: &str) -> JsValue {
    js_sys::eval(&format!("({code})")).unwrap()
}

#[wasm_bindgen_test]
fn blob_class_that_a_page_has_replaced_is_a_typed_error() {
    let real = value("new Blob(['abc'])");
    for class in [
        "undefined",
        "null",
        "7",
        "{}",
        "{ prototype: 7 }",
        "{ get prototype() { throw 1; } }",
        "{ prototype: { get size() { throw 1; } } }",
        "{ prototype: { size: 'three' } }",
        "{ prototype: { size: NaN } }",
        "{ prototype: { size: -1 } }",
        "{ prototype: { size: Infinity } }",
        "{ prototype: { size: 2 ** 60 } }",
        "{ prototype: { size: 10n } }",
        "new Proxy({}, { get() { throw 1; } })",
    ] {
        let _shim = Shim::of("Blob", class);
        let error = Blob::try_from(real.clone()).unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::InvalidRequest, Phase::Request), "{class}");
    }
    let file = Blob::try_from(value("new File(['abc'], 'a.txt')")).unwrap();
    for class in ["undefined", "7", "{ prototype: { name: 7 } }", "{ prototype: { get name() { throw 1; } } }"] {
        let _shim = Shim::of("File", class);
        assert_eq!(file.file_name(), None, "{class}");
    }
}

#[wasm_bindgen_test]
async fn type_with_a_line_break_is_refused_in_a_form() {
    let blob = Blob::try_from(value("new Blob(['abc'])")).unwrap();
    let _shim = Shim::of("Blob", "{ prototype: { type: 'text/plain\\r\\nx: y' } }");
    let form = Form::new().part("file", Part::from(blob));
    assert_eq!(Client::new().post(URL).multipart(form).await.unwrap_err().kind(), ErrorKind::InvalidRequest);
}

#[wasm_bindgen_test]
async fn engine_gets_the_blob_itself() {
    let _request = Shim::of(
        "Request",
        "((Before) => class extends Before {
            constructor(url, init) { super(url, init); seen.members.push(init.body === globalThis.theBlob); }
        })(globalThis.Request)",
    );
    let blob = Blob::try_from(value("globalThis.theBlob = new Blob(['abc'])")).unwrap();
    let _fetch = Shim::fetch("async (request) => new Response(await request.text())");
    for stream_upload in [false, true] {
        let init = FetchInit::new().stream_upload(stream_upload).upload_limit(1);
        let response = Client::new().post(URL).body(blob.clone()).extension(init).await.unwrap();
        assert_eq!(response.text().await.unwrap(), "abc");
        assert_eq!(number("Number(seen.members.pop())"), 1.0, "{stream_upload}");
    }
}

#[wasm_bindgen_test]
async fn form_with_a_blob_and_a_stream_is_streamed_if_asked() {
    let _fetch = Shim::fetch("async (request) => new Response(await request.text())");
    let pieces = futures::stream::iter([Ok::<_, std::io::Error>(vec![b's'; 600]), Ok(vec![b's'; 600])]);
    let blob = Blob::try_from(value("new Blob(['x'.repeat(100000)])")).unwrap();
    let form = Form::new().part("file", Part::from(blob)).part("stream", Part::new(Body::stream(pieces)));
    let init = FetchInit::new().stream_upload(true).upload_limit(1000);
    let text = Client::new().post(URL).multipart(form).extension(init).await.unwrap().text().await.unwrap();
    assert!(text.contains(&"x".repeat(100_000)) && text.contains(&"s".repeat(1200)), "{} bytes", text.len());
}

#[wasm_bindgen_test]
async fn blob_that_the_engine_cannot_read_is_a_network_error() {
    let _fetch = Shim::fetch("async () => { throw new TypeError('the file is gone'); }");
    let blob = Blob::try_from(value("new Blob(['abc'])")).unwrap();
    let error = Client::new().post(URL).body(blob).await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Network, Phase::Head));
    assert_eq!(error.transfer().bytes_sent, Some(3));
}

#[wasm_bindgen_test]
async fn backend_without_a_client_gives_a_text_its_type() {
    let _fetch = Shim::fetch("async (request) => new Response(request.headers.get('content-type'))");
    let response =
        FetchBackend.fetch(Request::post(URL).body("text").build().unwrap(), CallContext::new()).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "text/plain;charset=UTF-8");
}
