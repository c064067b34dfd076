//! Bodies of requests that are streams.

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

/// The lab runs outside, as for the scenarios.
const LAB: &str = match option_env!("WATERSPOUT_LAB") {
    Some(lab) => lab,
    None => "http://127.0.0.1:8737",
};

type Piece = Result<Bytes, std::io::Error>;

/// A stream of as many pieces of ten bytes, which counts those that were asked for.
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

async fn rest() {
    EventLoop::new().sleep(std::time::Duration::from_millis(5)).await;
}

#[wasm_bindgen_test]
async fn node_can_stream_uploads() {
    let within = Closure::<dyn FnMut() -> bool>::new(can_stream_uploads);
    Reflect::set(&global(), &"within".into(), within.as_ref()).unwrap();
    // Whoever asks first may be asked again from within: by what a page has put in the engine's place.
    let _shim = Shim::of(
        "Request",
        "class extends Request { constructor(...given) { super(...given); if (seen.pulls++ === 0) seen.members.push(within()); } }",
    );
    assert!(can_stream_uploads());
    assert_eq!(number("Number(seen.members.every(Boolean))"), 1.0);
}

#[wasm_bindgen_test]
async fn an_upload_is_read_as_the_engine_asks_for_it() {
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
    rest().await;
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
        rest().await;
    }
    assert_eq!((count.load(Ordering::Relaxed), number("seen.cancels")), (1, 0.0));
    drop(sending);
    rest().await;
    assert_eq!((number("seen.aborts"), number("seen.cancels")), (1.0, 1.0));
}

#[wasm_bindgen_test]
async fn an_engine_that_wants_no_more_of_an_upload_may_still_answer() {
    let _shim = Shim::fetch(
        "async (request) => { const reader = request.body.getReader(); await reader.read(); await reader.cancel('enough');
            return new Response('thanks'); }",
    );
    let (pieces, count) = counted(1000);
    assert_eq!(streaming(Body::stream(pieces)).await.unwrap().text().await.unwrap(), "thanks");
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

#[wasm_bindgen_test]
async fn an_engine_may_want_no_more_while_a_piece_is_made() {
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
async fn an_upload_goes_on_while_the_answer_is_read() {
    let _shim = Shim::fetch("async (request) => new Response(request.body)");
    let (pieces, count) = counted(50);
    let response = streaming(Body::stream(pieces)).await.unwrap();
    assert_eq!(response.bytes().await.unwrap().len(), 500);
    assert_eq!(count.load(Ordering::Relaxed), 50);
}

#[wasm_bindgen_test]
async fn an_upload_that_fails_is_the_requests_error() {
    let _shim = Shim::fetch("async (request) => new Response(await request.text())");
    let broken = stream::iter([Ok(Bytes::from("some")), Err(std::io::Error::other("the disk is on fire"))]);
    let error = streaming(Body::stream(broken)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RequestBody);
    assert!(error.to_string().ends_with("the disk is on fire"), "{error}");
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
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let tell = told.clone();
    let (pieces, _) = counted(1000);
    let request = Client::new().post(format!("{}/lab/upload", LAB.trim_end_matches('/'))).body(Body::stream(pieces));
    let request = request.extension(FetchInit::new().stream_upload(true));
    let response = request.on_upload(move |done| tell.lock().unwrap().push(done.bytes)).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "10000 525000");
    let told = told.lock().unwrap();
    assert!(told.len() == 1000 && told.windows(2).all(|pair| pair[0] < pair[1]), "{}", told.len());
}

#[wasm_bindgen_test]
async fn a_body_that_an_agent_decodes_from_memory_is_gathered_whole() {
    let encoded = js_sys::eval("process.getBuiltinModule('zlib').gzipSync(Buffer.alloc(200_000))").unwrap();
    let encoded = js_sys::Uint8Array::new(&encoded).to_vec();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", encoded.len());
    let script = Script::new().expect_head().send([head.into_bytes(), encoded].concat());
    let agent = Agent::new(ScriptedConnector::new([script.clone(), script]), EngineTimer);
    let elsewhere = Client::builder().backend(agent).build().unwrap();
    let _shim = Shim::fetch("async (request) => new Response(String((await request.arrayBuffer()).byteLength))");
    let found = elsewhere.get(URL).await.unwrap().into_body();
    assert_eq!(Client::new().post(URL).body(found).await.unwrap().text().await.unwrap(), "200000");
    // What it is decoded to is not in memory yet.
    let found = elsewhere.get(URL).await.unwrap().into_body();
    let request = Client::new().post(URL).body(found).extension(FetchInit::new().upload_limit(100_000));
    assert_eq!(request.await.unwrap_err().kind(), ErrorKind::LimitExceeded);
}

#[wasm_bindgen_test]
async fn a_gathered_upload_has_a_limit_that_names_itself() {
    let _shim = Shim::fetch("async (request) => { seen.pulls += 1; return new Response(await request.text()); }");
    let client = Client::builder().extension(FetchInit::new().upload_limit(100)).build().unwrap();
    let (pieces, count) = counted(1000);
    let error = client.post(URL).body(Body::stream(pieces)).await.unwrap_err();
    assert_eq!((error.kind(), count.load(Ordering::Relaxed)), (ErrorKind::LimitExceeded, 11));
    assert!(error.to_string().contains("100 bytes") && error.to_string().contains("upload_limit"), "{error}");
    // One that says so is not even begun.
    let (pieces, count) = counted(1000);
    let error = client.post(URL).body(Body::stream(pieces).with_length(10_000)).await.unwrap_err();
    assert_eq!((error.kind(), count.load(Ordering::Relaxed)), (ErrorKind::LimitExceeded, 0));
    assert_eq!(number("seen.pulls"), 0.0);
    assert_eq!(client.post(URL).body(Body::stream(counted(10).0)).await.unwrap().bytes().await.unwrap().len(), 100);
    // What is in memory is no stream, nor is a form of such.
    assert_eq!(client.post(URL).body(vec![b'a'; 1000]).await.unwrap().bytes().await.unwrap().len(), 1000);
    let form = Form::new().text("name", "value").part("file", Part::new(vec![b'a'; 1000]));
    assert!(client.post(URL).multipart(form).await.unwrap().bytes().await.unwrap().len() > 1000);
}
