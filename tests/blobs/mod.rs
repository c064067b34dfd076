//! A `Blob` or `File` of the engine as a body and as a part of a form.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream;
use js_sys::{ArrayBuffer, JsString, Promise, Reflect, eval};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;
use waterspout::multipart::{Form, Part};
use waterspout::platform::browser::{Blob, FetchInit};
use waterspout::{Body, Bytes, Client, Error, ErrorKind, Phase, Response, Retry};

use super::{LAB, Lab};

/// The size of the large upload in bytes.
const LARGE: u64 = 64 * 1024 * 1024;

fn lab(scenario: &str) -> Lab {
    Lab::new(LAB, "blobs", scenario)
}

fn value(code: &str) -> JsValue {
    eval(&format!("({code})")).unwrap()
}

fn blob(code: &str) -> Blob {
    Blob::try_from(value(code)).unwrap()
}

/// Returns the values that are no blobs, as code.
fn others() -> Vec<&'static str> {
    vec![
        "undefined",
        "null",
        "7",
        "'text'",
        "Symbol()",
        "10n",
        "{}",
        "[]",
        "() => {}",
        "{ size: 1, type: '', slice() {}, arrayBuffer() {}, stream() {}, [Symbol.toStringTag]: 'Blob' }",
        "new ArrayBuffer(1)",
        "new Uint8Array(1)",
        "new FormData()",
        "new URLSearchParams('a=b')",
        "new Response('a')",
        "Blob",
        "Blob.prototype",
        "Object.create(Blob.prototype)",
        "new Proxy({}, { get() { throw 1 }, has() { throw 2 }, getPrototypeOf() { throw 3 } })",
    ]
}

/// Returns the echoed body of a form, with `X` in place of its boundary, which begins the body.
fn without_boundary(text: &str) -> String {
    let boundary = text.split("\r\n").next().unwrap().trim_start_matches("--").trim_end_matches("--");
    text.replace(boundary, "X").trim_end().to_owned()
}

#[wasm_bindgen_test]
async fn blob_is_sent_as_the_body_with_its_type() {
    let lab = lab("body");
    for (code, bytes, kind) in [
        (
            "new Blob(['h\\u00e9', new Uint8Array([0, 255])], { type: 'image/PNG' })",
            &b"h\xc3\xa9\0\xff"[..],
            "image/png",
        ),
        ("new Blob([])", b"", "application/octet-stream"),
        ("new File(['text'], 'a.txt', { type: 'text/plain' })", b"text", "text/plain"),
        ("new Blob(['abcdef'], { type: 'x/y' }).slice(2, 4)", b"cd", "application/octet-stream"),
    ] {
        let (body, seen) = (Body::from(blob(code)), Arc::new(Mutex::new(Vec::new())));
        assert_eq!((body.length(), body.is_none()), (Some(bytes.len() as u64), false), "{code}");
        let sink = seen.clone();
        let request = Client::new().post(lab.url("echo")).body(body);
        let request = request.on_upload(move |done| sink.lock().unwrap().push((done.bytes, done.total)));
        let response = request.await.unwrap();
        // The lab's own type is for a request without a type.
        assert_eq!(response.headers()["content-type"], kind, "{code}");
        assert_eq!(response.bytes().await.unwrap(), bytes, "{code}");
        let all = (bytes.len() as u64, Some(bytes.len() as u64));
        assert_eq!(*seen.lock().unwrap(), if bytes.is_empty() { vec![] } else { vec![all] }, "{code}");
    }
    let own = Client::new().put(lab.url("echo")).header("content-type", "x/own");
    let response = own.body(blob("new Blob(['a'], { type: 'image/png' })")).await.unwrap();
    assert_eq!(response.headers()["content-type"], "x/own");
}

#[wasm_bindgen_test]
fn blob_shows_its_size_type_and_name() {
    for (code, size, kind, name) in [
        ("new Blob(['\\u20ac'], { type: 'A/B' })", 3, Some("a/b"), None),
        ("new Blob([])", 0, None, None),
        ("new File(['ab'], '\\u00e9 \"x\".txt')", 2, None, Some("\u{e9} \"x\".txt")),
        ("new File([], '')", 0, None, Some("")),
        // The engine's own members count, and no members of the page.
        ("Object.defineProperties(new Blob(['abc']), { size: { value: 9 }, type: { value: 'x/y' } })", 3, None, None),
        ("Object.assign(new Blob(['abc']), { name: 'no file' })", 3, None, None),
        ("new (class extends Blob { get size() { return -1; } })(['abc'])", 3, None, None),
    ] {
        let blob = blob(code);
        assert_eq!(
            (blob.size(), blob.content_type().as_deref(), blob.file_name().as_deref()),
            (size, kind, name),
            "{code}"
        );
    }
}

#[wasm_bindgen_test]
fn value_that_is_no_blob_is_a_typed_error() {
    for code in others() {
        let error: Error = Blob::try_from(value(code)).unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::InvalidRequest, Phase::Request), "{code}");
        assert!(error.to_string().contains("not a `Blob` or `File`"), "{code}: {error}");
    }
}

#[wasm_bindgen_test]
async fn form_with_blobs_is_sent_as_the_engine_sends_form_data() {
    let parts = [
        "new Blob(['one'])",
        "new Blob(['two'], { type: 'text/x-two' })",
        "new File(['three'], '\\u00e9 \"q\"\\n.bin')",
        "new File([], 'empty.png', { type: 'image/png' })",
    ];
    let appended: String = parts.iter().map(|part| format!("form.append('f\"\\u00e9', {part});")).collect();
    let url = lab("form").url("echo");
    let code = format!(
        "(async () => {{ const form = new FormData(); form.append('a', 'first'); {appended} form.append('z', 'last');
            return (await fetch('{url}', {{ method: 'POST', body: form }})).text(); }})()"
    );
    let expected = JsFuture::from(eval(&code).unwrap().unchecked_into::<Promise>()).await.unwrap();
    let form =
        parts.iter().fold(Form::new().text("a", "first"), |form, part| form.part("f\"\u{e9}", Part::from(blob(part))));
    let request = Client::new().post(&url).multipart(form.text("z", "last")).build().unwrap();
    let length = request.body().length().unwrap();
    let response = Client::new().fetch(request.try_clone().unwrap()).await.unwrap();
    let text = response.text().await.unwrap();
    assert_eq!(text.len() as u64, length);
    assert_eq!(without_boundary(&text), without_boundary(&expected.as_string().unwrap()));
    // The request can be sent again.
    assert_eq!(Client::new().fetch(request).await.unwrap().text().await.unwrap(), text);
}

#[wasm_bindgen_test]
async fn blob_is_sent_again_after_a_redirect_and_for_a_retry() {
    let lab = lab("again");
    let client = Client::builder().retry(Retry::new().base_delay(Duration::ZERO)).build().unwrap();
    let file = || blob("new File(['payload'], 'f', { type: 'x/y' })");
    let response = client.put(lab.url("redirect/2?status=307&to=/lab/echo")).body(file()).await.unwrap();
    assert_eq!((response.redirected(), response.text().await.unwrap()), (true, "payload".to_owned()));
    let response: Response = client.put(lab.keyed("flaky", "?fail=2")).body(file()).await.unwrap();
    assert_eq!((response.status().as_u16(), response.attempts().len()), (200, 3));
    let form = Form::new().part("f", Part::from(file()));
    let response = client.put(lab.keyed("flaky", "-form?fail=1")).multipart(form).await.unwrap();
    assert_eq!((response.status().as_u16(), response.attempts().len()), (200, 2));
}

fn memory_size() -> u32 {
    let memory = wasm_bindgen::memory();
    Reflect::get(&memory, &JsString::from("buffer")).unwrap().unchecked_into::<ArrayBuffer>().byte_length()
}

#[wasm_bindgen_test]
async fn large_blob_does_not_grow_the_memory_of_the_module() {
    let lab = lab("large");
    let large = blob(&format!("new Blob([new Uint8Array({LARGE}).fill(1)])"));
    // The first request grows the memory by the code around a request.
    Client::new().post(lab.url("upload")).body(blob("new Blob(['a'])")).await.unwrap().text().await.unwrap();
    let before = memory_size();
    let response = Client::new().post(lab.url("upload")).body(large.clone()).await.unwrap();
    assert_eq!(response.text().await.unwrap(), format!("{LARGE} {LARGE}"));
    let form = Form::new().text("a", "b").part("file", Part::from(large.clone())).part("again", Part::from(large));
    let text = Client::new().post(lab.url("upload")).multipart(form).await.unwrap().text().await.unwrap();
    let count: u64 = text.split(' ').next().unwrap().parse().unwrap();
    assert!((2 * LARGE..2 * LARGE + 1000).contains(&count), "{text}");
    assert!(memory_size() - before <= 1 << 20, "the memory grew from {before} to {} bytes", memory_size());
}

#[wasm_bindgen_test]
async fn streams_beside_a_blob_are_gathered_up_to_the_limit() {
    let lab = lab("streams");
    let stream = |size: usize| Body::stream(stream::iter([Ok::<_, std::io::Error>(Bytes::from(vec![b's'; size])); 1]));
    let form = |sizes: [usize; 2]| {
        let form = Form::new().part("file", Part::from(blob("new Blob(['x'.repeat(5000)])")));
        sizes.into_iter().fold(form, |form, size| form.part("stream", Part::new(stream(size))))
    };
    let client = Client::builder().extension(FetchInit::new().upload_limit(1000)).build().unwrap();
    let text = client.post(lab.url("echo")).multipart(form([400, 600])).await.unwrap().text().await.unwrap();
    assert!(text.contains(&"s".repeat(400)) && text.contains(&"s".repeat(600)), "{text}");
    assert!(text.contains(&"x".repeat(5000)));
    for sizes in [[400, 601], [1001, 0]] {
        let error = client.post(lab.url("echo")).multipart(form(sizes)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{sizes:?}");
        assert!(error.to_string().contains("1000 bytes"), "{error}");
    }
    let short =
        Form::new().part("file", Part::from(blob("new Blob(['x'])"))).part("s", Part::new(stream(5).with_length(6)));
    assert_eq!(client.post(lab.url("echo")).multipart(short).await.unwrap_err().kind(), ErrorKind::RequestBody);
}

#[wasm_bindgen_test]
async fn blob_is_read_in_pieces_where_the_engine_does_not_send_it() {
    let mut body = Body::from(blob("new Blob([new Uint8Array(150000).fill(7), 'end'])"));
    let mut sizes = Vec::new();
    while let Some(piece) = body.chunk().await.unwrap() {
        sizes.push(piece.len());
    }
    assert_eq!(sizes, [65536, 65536, 18931]);
    let copy = Body::from(blob("new Blob(['abc'])"));
    assert_eq!(copy.try_clone().unwrap().collect(10).await.unwrap(), "abc");
    assert_eq!(copy.collect(2).await.unwrap_err().kind(), ErrorKind::LimitExceeded);
    let form = Client::new().post(LAB).multipart(Form::new().part("f", Part::from(blob("new File(['abc'], 'f.txt')"))));
    let mut request = form.build().unwrap();
    let text = std::mem::take(request.body_mut()).collect(1000).await.unwrap();
    assert!(
        String::from_utf8_lossy(&text)
            .contains("filename=\"f.txt\"\r\nContent-Type: application/octet-stream\r\n\r\nabc\r\n")
    );
}

#[wasm_bindgen_test]
async fn blob_that_cannot_be_read_is_a_typed_error() {
    for slice in [
        "undefined",
        "() => { throw 1 }",
        "() => undefined",
        "() => ({ arrayBuffer: () => { throw 1 } })",
        "() => ({ arrayBuffer: async () => { throw new Error('gone') } })",
        "() => ({ arrayBuffer: async () => undefined })",
        "() => ({ arrayBuffer: async () => 'abc' })",
        "() => ({ arrayBuffer: async () => new ArrayBuffer(2) })",
        "() => ({ arrayBuffer: async () => new ArrayBuffer(4) })",
    ] {
        let body = Body::from(blob(&format!("Object.assign(new Blob(['abc']), {{ slice: {slice} }})")));
        let error = body.collect(10).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RequestBody, "{slice}: {error}");
    }
}

#[wasm_bindgen_test]
async fn blob_goes_with_a_spawned_request() {
    let request = Client::new().post(lab("spawned").url("echo")).body(blob("new Blob(['abc'])"));
    assert_eq!(request.send_spawned().await.unwrap().text().await.unwrap(), "abc");
}
