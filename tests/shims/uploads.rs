//! Bodies of requests: streams that the engine reads, and streams that the client collects first.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;

use futures::{Stream, StreamExt, stream};
use js_sys::{Reflect, global};
use wasm_bindgen::closure::Closure;
use wasm_bindgen_test::wasm_bindgen_test;
use waterspout::agent::Agent;
use waterspout::multipart::{Form, Part};
use waterspout::platform::browser::{EngineTimer, FetchInit, can_stream_uploads};
use waterspout::testing::{Script, ScriptedConnector};
use waterspout::tornado::EventLoop;
use waterspout::{Body, Bytes, Client, ErrorKind, RequestBuilder};

use super::shim::{Shim, number};
use super::{URL, is_pending};

/// The address of the lab, which runs in a separate process, as for the scenarios.
const LAB: &str = match option_env!("WATERSPOUT_LAB") {
    Some(lab) => lab,
    None => "http://127.0.0.1:8737",
};

type Piece = Result<Bytes, std::io::Error>;

/// Returns a stream of `pieces` chunks of ten bytes, and the number of chunks that were requested from it.
fn counted(pieces: u32) -> (impl Stream<Item = Piece>, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let counter = count.clone();
    let pieces = stream::iter(0..pieces).map(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(Bytes::from_static(b"0123456789"))
    });
    (pieces, count)
}

fn streaming(body: Body) -> RequestBuilder<Client> {
    Client::new().post(URL).body(body).extension(FetchInit::new().stream_upload(true))
}

/// Lets other tasks run for 5 ms.
async fn pause() {
    EventLoop::new().sleep(std::time::Duration::from_millis(5)).await;
}

#[wasm_bindgen_test]
async fn node_can_stream_uploads() {
    let within = Closure::<dyn FnMut() -> bool>::new(can_stream_uploads);
    Reflect::set(&global(), &"within".into(), within.as_ref()).unwrap();
    // The first call creates a `Request`. A page may have replaced that class by code that calls the function again.
    let _shim = Shim::of(
        "Request",
        "class extends Request { constructor(...given) { super(...given); if (seen.pulls++ === 0) seen.members.push(within()); } }",
    );
    assert!(can_stream_uploads());
    assert_eq!(number("Number(seen.members.every(Boolean))"), 1.0);
}

#[wasm_bindgen_test]
async fn an_upload_is_read_as_the_engine_requests_it() {
    let _shim = Shim::fetch(
        "async (request) => {
            globalThis.reader = request.body.getReader();
            for (let i = 0; i < 3; i += 1) seen.pulls += (await reader.read()).value.length;
            return new Response(null);
        }",
    );
    let (pieces, count) = counted(1000);
    let mut sending = Box::pin(streaming(Body::stream(pieces)).send());
    assert!(is_pending(&mut sending));
    assert_eq!(count.load(Ordering::Relaxed), 0);
    sending.await.unwrap();
    pause().await;
    assert_eq!((count.load(Ordering::Relaxed), number("seen.pulls")), (3, 30.0));
}

#[wasm_bindgen_test]
async fn an_upload_stops_when_its_request_is_dropped() {
    let _shim = Shim::fetch(
        "(request) => { watch(request); globalThis.reader = request.body.getReader();
            reader.read().then(() => reader.read()).catch(() => { seen.cancels += 1; }); return new Promise(() => {}); }",
    );
    let (pieces, count) = counted(1);
    let mut sending = Box::pin(streaming(Body::stream(pieces.chain(stream::pending()))).send());
    for _ in 0..3 {
        assert!(is_pending(&mut sending));
        pause().await;
    }
    assert_eq!((count.load(Ordering::Relaxed), number("seen.cancels")), (1, 0.0));
    drop(sending);
    pause().await;
    assert_eq!((number("seen.aborts"), number("seen.cancels")), (1.0, 1.0));
}

#[wasm_bindgen_test]
async fn an_engine_that_cancels_an_upload_may_still_respond() {
    let _shim = Shim::fetch(
        "async (request) => { const reader = request.body.getReader(); await reader.read(); await reader.cancel('enough');
            return new Response('thanks'); }",
    );
    let (pieces, count) = counted(1000);
    assert_eq!(streaming(Body::stream(pieces)).await.unwrap().text().await.unwrap(), "thanks");
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

#[wasm_bindgen_test]
async fn an_engine_may_cancel_an_upload_while_a_chunk_is_made() {
    let _shim = Shim::fetch(
        "async (request) => { globalThis.reader = request.body.getReader(); await reader.read(); return new Response('thanks'); }",
    );
    let pieces = stream::poll_fn(|_| {
        number("reader.cancel('enough') && 1");
        Poll::Ready(Some(Piece::Ok(Bytes::from_static(b"late"))))
    });
    assert_eq!(streaming(Body::stream(pieces)).await.unwrap().text().await.unwrap(), "thanks");
}

#[wasm_bindgen_test]
async fn an_upload_continues_while_the_response_is_read() {
    let _shim = Shim::fetch("async (request) => new Response(request.body)");
    let (pieces, count) = counted(50);
    let response = streaming(Body::stream(pieces)).await.unwrap();
    assert_eq!(response.bytes().await.unwrap().len(), 500);
    assert_eq!(count.load(Ordering::Relaxed), 50);
}

#[wasm_bindgen_test]
async fn a_failing_upload_fails_the_request() {
    let _shim = Shim::fetch("async (request) => new Response(await request.text())");
    let broken = stream::iter([Ok(Bytes::from("some")), Err(std::io::Error::other("the disk is on fire"))]);
    let error = streaming(Body::stream(broken)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RequestBody);
    assert!(error.report().to_string().ends_with("the disk is on fire"), "{error}");
    for declared in [99, 101] {
        let error = streaming(Body::stream(counted(10).0).with_length(declared)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RequestBody, "{declared}: {error}");
    }
    assert_eq!(
        streaming(Body::stream(counted(10).0).with_length(100)).await.unwrap().bytes().await.unwrap().len(),
        100
    );
}

#[wasm_bindgen_test]
async fn an_upload_is_streamed_to_a_server() {
    let reports = Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = reports.clone();
    let (pieces, _) = counted(1000);
    let request = Client::new().post(format!("{}/lab/upload", LAB.trim_end_matches('/'))).body(Body::stream(pieces));
    let request = request.extension(FetchInit::new().stream_upload(true));
    let response = request.on_upload(move |done| sink.lock().unwrap().push(done.bytes)).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "10000 525000");
    let reports = reports.lock().unwrap();
    assert!(reports.len() == 1000 && reports.windows(2).all(|pair| pair[0] < pair[1]), "{}", reports.len());
}

#[wasm_bindgen_test]
async fn a_body_that_an_agent_decodes_is_collected_before_the_upload() {
    let encoded = js_sys::eval("process.getBuiltinModule('zlib').gzipSync(Buffer.alloc(200_000))").unwrap();
    let encoded = js_sys::Uint8Array::new(&encoded).to_vec();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", encoded.len());
    let script = Script::new().expect_head().send([head.into_bytes(), encoded].concat());
    let agent = Agent::new(ScriptedConnector::new([script.clone(), script]), EngineTimer);
    let agent_client = Client::builder().backend(agent).build().unwrap();
    let _shim = Shim::fetch("async (request) => new Response(String((await request.arrayBuffer()).byteLength))");
    let decoded = agent_client.get(URL).await.unwrap().into_body();
    assert_eq!(Client::new().post(URL).body(decoded).await.unwrap().text().await.unwrap(), "200000");
    // The decoded bytes are not in memory yet, so the limit applies to them.
    let decoded = agent_client.get(URL).await.unwrap().into_body();
    let request = Client::new().post(URL).body(decoded).extension(FetchInit::new().upload_limit(100_000));
    assert_eq!(request.await.unwrap_err().kind(), ErrorKind::LimitExceeded);
}

#[wasm_bindgen_test]
async fn a_collected_upload_has_a_limit_that_the_error_names() {
    let _shim = Shim::fetch("async (request) => { seen.pulls += 1; return new Response(await request.text()); }");
    let client = Client::builder().extension(FetchInit::new().upload_limit(100)).build().unwrap();
    let (pieces, count) = counted(1000);
    let error = client.post(URL).body(Body::stream(pieces)).await.unwrap_err();
    assert_eq!((error.kind(), count.load(Ordering::Relaxed)), (ErrorKind::LimitExceeded, 11));
    assert!(error.to_string().contains("100 bytes") && error.to_string().contains("upload_limit"), "{error}");
    // A stream that declares a length beyond the limit is not read at all.
    let (pieces, count) = counted(1000);
    let error = client.post(URL).body(Body::stream(pieces).with_length(10_000)).await.unwrap_err();
    assert_eq!((error.kind(), count.load(Ordering::Relaxed)), (ErrorKind::LimitExceeded, 0));
    assert_eq!(number("seen.pulls"), 0.0);
    assert_eq!(client.post(URL).body(Body::stream(counted(10).0)).await.unwrap().bytes().await.unwrap().len(), 100);
    // The limit does not apply to a body in memory, nor to a form of parts in memory.
    assert_eq!(client.post(URL).body(vec![b'a'; 1000]).await.unwrap().bytes().await.unwrap().len(), 1000);
    let form = Form::new().text("name", "value").part("file", Part::new(vec![b'a'; 1000]));
    assert!(client.post(URL).multipart(form).await.unwrap().bytes().await.unwrap().len() > 1000);
}
