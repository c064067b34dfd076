//! Bodies of responses: streams that count their calls, return wrong values or fail.

use wasm_bindgen_test::wasm_bindgen_test;
use waterspout::tornado::EventLoop;
use waterspout::{Client, ErrorKind, Phase};

use super::URL;
use super::shim::{Shim, number};

/// Replaces `fetch` by a function that returns a body of `pieces` chunks of a byte each. The body counts its calls.
fn counting(pieces: &str) -> Shim {
    Shim::fetch(&format!("async (request) => {{ watch(request); return new Response(counting({pieces})); }}"))
}

#[wasm_bindgen_test]
async fn a_chunk_is_pulled_only_when_it_is_polled() {
    let _shim = counting("1000");
    let mut response = Client::new().get(URL).await.unwrap();
    assert_eq!(number("seen.pulls"), 0.0);
    for pulled in 1..4 {
        assert_eq!(response.chunk().await.unwrap().unwrap(), [pulled as u8][..]);
        EventLoop::new().sleep(std::time::Duration::from_millis(5)).await;
        assert_eq!(number("seen.pulls"), f64::from(pulled));
    }
}

#[wasm_bindgen_test]
async fn a_spawned_body_reads_at_most_two_chunks_ahead() {
    let _shim = counting("1000");
    let mut response = Client::new().get(URL).send_spawned().await.unwrap();
    for taken in 1..4 {
        assert_eq!(response.chunk().await.unwrap().unwrap(), [taken as u8][..]);
        EventLoop::new().sleep(std::time::Duration::from_millis(5)).await;
        assert!(number("seen.pulls") <= f64::from(taken) + 2.0, "{}", number("seen.pulls"));
    }
    drop(response);
    EventLoop::new().sleep(std::time::Duration::from_millis(5)).await;
    assert_eq!((number("seen.aborts"), number("seen.cancels")), (1.0, 1.0));
}

#[wasm_bindgen_test]
async fn a_body_that_has_ended_is_neither_aborted_nor_cancelled() {
    let _shim = counting("3");
    let mut response = Client::new().get(URL).await.unwrap();
    while response.chunk().await.unwrap().is_some() {}
    assert!(response.chunk().await.unwrap().is_none());
    drop(response);
    assert_eq!((number("seen.aborts"), number("seen.cancels"), number("seen.pulls")), (0.0, 0.0, 4.0));
    let _shim = counting("3");
    assert_eq!(Client::new().get(URL).await.unwrap().bytes().await.unwrap(), [1, 2, 3][..]);
    assert_eq!((number("seen.aborts"), number("seen.cancels")), (0.0, 0.0));
}

#[wasm_bindgen_test]
async fn a_dropped_body_is_aborted_and_cancelled() {
    let _shim = counting("1000");
    let mut response = Client::new().get(URL).await.unwrap();
    assert!(response.chunk().await.unwrap().is_some());
    drop(response);
    assert_eq!((number("seen.aborts"), number("seen.cancels")), (1.0, 1.0));
    // An unread body and a body beyond its limit are aborted too.
    let _shim = counting("1000");
    drop(Client::new().get(URL).await.unwrap());
    assert_eq!((number("seen.aborts"), number("seen.cancels")), (1.0, 1.0));
    let _shim = counting("1000");
    let error = Client::new().get(URL).stream_limit(5).await.unwrap().bytes().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert_eq!((number("seen.aborts"), number("seen.cancels")), (1.0, 1.0));
}

#[wasm_bindgen_test]
async fn a_download_reports_each_chunk() {
    let reports = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = reports.clone();
    let _shim = counting("3");
    let request = Client::new().get(URL).on_download(move |done| sink.lock().unwrap().push(done.bytes));
    request.await.unwrap().bytes().await.unwrap();
    assert_eq!(*reports.lock().unwrap(), [1, 2, 3]);
}

#[wasm_bindgen_test]
async fn a_total_that_is_exceeded_is_not_reported_any_more() {
    let reports = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = reports.clone();
    // A page sees the length of a compressed body from another origin, but not its coding.
    let _shim = Shim::fetch("async () => new Response(counting(3), { headers: { 'content-length': 2 } })");
    let request = Client::new().get(URL).on_download(move |done| sink.lock().unwrap().push((done.bytes, done.total)));
    request.await.unwrap().bytes().await.unwrap();
    assert_eq!(*reports.lock().unwrap(), [(1, Some(2)), (2, Some(2)), (3, None)]);
}

#[wasm_bindgen_test]
async fn any_view_of_a_buffer_is_read_as_bytes() {
    for (view, expected) in [
        ("new Uint8Array([1, 2, 3])", &[1, 2, 3][..]),
        ("Buffer.from([1, 2, 3])", &[1, 2, 3]),
        ("new Uint8Array([0, 1, 2, 3, 0]).subarray(1, 4)", &[1, 2, 3]),
        ("new DataView(new Uint8Array([1, 2, 3]).buffer, 1)", &[2, 3]),
        ("new Uint16Array([0x0201])", &[1, 2]),
        ("process.getBuiltinModule('vm').runInNewContext('new Uint8Array([1, 2, 3])')", &[1, 2, 3]),
    ] {
        let _shim = Shim::fetch(&format!(
            "async () => {{ let left = [{view}, new Uint8Array(0)]; return reading(async () => {{
                return left.length ? {{ done: false, value: left.shift() }} : {{ done: true }}; }}); }}"
        ));
        assert_eq!(Client::new().get(URL).await.unwrap().bytes().await.unwrap(), expected, "{view}");
        assert_eq!(number("seen.cancels"), 0.0);
    }
}

#[wasm_bindgen_test]
async fn a_result_that_is_not_a_chunk_is_an_error() {
    for read in [
        "undefined",
        "null",
        "7",
        "{}",
        "{ done: false }",
        "{ value: 'text' }",
        "{ value: 7 }",
        "{ value: [1, 2] }",
        "{ value: new ArrayBuffer(3) }",
        "{ get done() { throw 1 } }",
        "{ get value() { throw 1 } }",
        "{ value: (() => { const a = new Uint8Array(3); structuredClone(a.buffer, { transfer: [a.buffer] }); \
           Object.defineProperty(a, 'byteLength', { value: 3 }); return a; })() }",
        "{ value: Object.defineProperty(new Uint8Array(3), 'buffer', { get() { throw 1 } }) }",
        "{ value: Object.defineProperty(new Uint8Array(3), 'byteOffset', { value: -1 }) }",
        "(() => { throw 1 })()",
        "Promise.reject(undefined)",
        "{ then() { throw 1 } }",
    ] {
        let _shim = Shim::fetch(&format!("async (request) => {{ watch(request); return reading(() => ({read})); }}"));
        let error = Client::new().get(URL).await.unwrap().bytes().await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Network, Phase::Body), "{read}: {error}");
        assert_eq!((number("seen.aborts"), number("seen.cancels")), (1.0, 1.0), "{read}");
    }
}

#[wasm_bindgen_test]
async fn a_body_that_is_not_a_stream_is_an_error() {
    for body in [
        "7",
        "'text'",
        "{}",
        "{ getReader: 7 }",
        "{ getReader() { throw 1 } }",
        "{ get getReader() { throw 1 } }",
        "(() => { const s = counting(1); s.getReader(); return s; })()",
    ] {
        let _shim =
            Shim::fetch(&format!("async (request) => {{ watch(request); return answer({{ body: {body} }}); }}"));
        let error = Client::new().get(URL).await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Network, Phase::Body), "{body}: {error}");
        assert_eq!(number("seen.aborts"), 1.0, "{body}");
    }
    // A reader without usable methods.
    for reader in ["undefined", "{}", "{ read: 7, cancel: 7 }", "{ read() { throw 1 }, cancel() { throw 2 } }"] {
        let _shim = Shim::fetch(&format!("async () => answer({{ body: {{ getReader: () => ({reader}) }} }})"));
        let error = Client::new().get(URL).await.unwrap().bytes().await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Network, Phase::Body), "{reader}: {error}");
    }
}

#[wasm_bindgen_test]
async fn an_engine_without_streams_returns_whole_bodies() {
    let foreign = "process.getBuiltinModule('vm').runInNewContext('new Uint8Array([1, 2]).buffer')";
    for (given, expected) in [("new Uint8Array([1, 2]).buffer", Some([1, 2])), (foreign, Some([1, 2]))]
        .into_iter()
        .chain(["undefined", "7", "-1", "[1, 2]", "'text'", "Promise.reject(7)"].map(|given| (given, None)))
    {
        let _shim = Shim::fetch(&format!("async () => answer({{ body: undefined, arrayBuffer: () => {given} }})"));
        match (Client::new().get(URL).await, expected) {
            (Ok(response), Some(expected)) => assert_eq!(response.bytes().await.unwrap(), expected[..], "{given}"),
            (Err(error), None) => assert_eq!(error.phase(), Phase::Body, "{given}: {error}"),
            (other, _) => panic!("{given}: {other:?}"),
        }
    }
}

#[wasm_bindgen_test]
async fn the_result_of_cancelling_a_stream_is_ignored() {
    for cancelled in [
        "undefined",
        "7",
        "Promise.reject(1)",
        "{ then() { throw 1 } }",
        "Object.assign(Promise.resolve(1), { then() { throw 1 } })",
        "Object.defineProperty(Promise.resolve(1), 'constructor', { get() { throw 1 } })",
    ] {
        let _shim = Shim::fetch(&format!(
            "async () => answer({{ body: {{ getReader: () => ({{
                cancel() {{ seen.cancels += 1; return {cancelled}; }} }}) }} }})"
        ));
        drop(Client::new().get(URL).await.unwrap());
        EventLoop::new().sleep(std::time::Duration::from_millis(5)).await;
        assert_eq!(number("seen.cancels"), 1.0, "{cancelled}");
    }
}
