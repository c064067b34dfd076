//! Bodies in both directions over HTTP/2.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::channel::mpsc;
use futures::executor::block_on;
use futures::{FutureExt, StreamExt, stream};
use h2::SendStream;
use http::HeaderMap;
use waterspout::testing::{Http2Config, MemoryConnector, Recorder, Reply, handler};
use waterspout::{Body, Bytes};

use super::peer::{Peer, get, on_each_transport, request};

/// Sends `size` bytes as fast as the windows allow.
async fn upload(stream: &mut SendStream<Bytes>, size: usize, ends: bool) {
    let mut left = size;
    while left > 0 {
        stream.reserve_capacity(left);
        if stream.capacity() == 0 {
            let capacity = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
            if !matches!(capacity, Some(Ok(_))) {
                return;
            }
            continue;
        }
        let count = left.min(stream.capacity());
        left -= count;
        stream.send_data(Bytes::from(vec![b'x'; count]), ends && left == 0).unwrap();
    }
}

fn echo() -> impl waterspout::testing::Handler {
    handler(|request| {
        async move {
            let body = request.body().await.unwrap();
            let trailer = request.trailers().and_then(|fields| fields["checksum"].to_str().ok()).unwrap_or("none");
            Reply::new(200, body).with_trailer("checksum", &trailer.to_uppercase())
        }
        .boxed()
    })
}

#[test]
fn bodies_and_trailers_go_both_ways() {
    on_each_transport(echo(), async |mut peer| {
        for size in [1, 100_000] {
            let (response, mut stream) = peer.begin_body(request("POST", "/"));
            peer.run(upload(&mut stream, size, false)).await;
            stream
                .send_trailers(HeaderMap::from_iter([("checksum".parse().unwrap(), "abc".parse().unwrap())]))
                .unwrap();
            let answer = peer.answer(response).await.unwrap();
            assert_eq!(answer.body.len(), size);
            assert_eq!(answer.trailers.unwrap()["checksum"], "ABC");
        }
    });
}

#[test]
fn trailers_are_sent_over_both_versions() {
    let connector = MemoryConnector::new(echo());
    let agent = waterspout::Agent::new(connector, waterspout::testing::ManualTimer::new());
    let client = waterspout::Client::builder().backend(agent).build().unwrap();
    block_on(async {
        let mut response = client.post("http://example.com/").body("hello").await.unwrap();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.unwrap() {
            body.extend_from_slice(&chunk);
        }
        assert_eq!((&body[..], &response.trailers().unwrap()["checksum"]), (&b"hello"[..], &"NONE".parse().unwrap()));
    });
}

#[test]
fn streamed_reply_arrives_chunk_by_chunk() {
    let (sender, receiver) = mpsc::unbounded::<Result<Bytes, std::io::Error>>();
    let receiver = std::sync::Mutex::new(Some(receiver));
    let server = handler(move |_| {
        let receiver = receiver.lock().unwrap().take().unwrap();
        async { Reply::new(200, Body::stream(receiver)) }.boxed()
    });
    let mut peer = Peer::in_memory(&MemoryConnector::new(server)).now_or_never().unwrap();
    let response = peer.begin(get("/"));
    let mut response = peer.run(response).now_or_never().unwrap().unwrap();
    for text in ["one", "two"] {
        assert!(peer.run(response.body_mut().data()).now_or_never().is_none(), "the server holds the body");
        sender.unbounded_send(Ok(Bytes::from(text))).unwrap();
        let chunk = peer.run(response.body_mut().data()).now_or_never().unwrap().unwrap().unwrap();
        assert_eq!(chunk, text);
    }
    drop(sender);
    let rest = peer.run(super::peer::read(response)).now_or_never().unwrap().unwrap();
    assert!(rest.body.is_empty());
}

#[test]
fn window_bounds_what_a_slow_reader_receives_and_other_streams_go_on() {
    let server = handler(|request| {
        let is_large = request.path() == "/large";
        async move { if is_large { Reply::new(200, vec![b'x'; 1_000_000]) } else { Reply::text("small") } }.boxed()
    });
    on_each_transport(server, async |mut peer| {
        let large = peer.begin(get("/large"));
        let mut large = peer.run(large).await.unwrap();
        // The client reads without returning the window of the stream.
        let mut received = 0;
        while received < 65_535 {
            let chunk = peer.run(large.body_mut().data()).await.unwrap().unwrap();
            received += chunk.len();
        }
        assert_eq!(received, 65_535);
        assert!(peer.run(large.body_mut().data()).now_or_never().is_none());
        assert_eq!(peer.get("/small").await.unwrap().text(), "small");
        large.body_mut().flow_control().release_capacity(received).unwrap();
        assert!(!peer.run(large.body_mut().data()).await.unwrap().unwrap().is_empty());
    });
}

#[test]
fn window_of_a_request_body_opens_as_the_handler_reads() {
    let (sender, receiver) = mpsc::unbounded::<()>();
    let receiver: &'static _ = Box::leak(Box::new(futures::lock::Mutex::new(receiver)));
    let server = handler(move |request| {
        async move {
            let mut count = 0;
            receiver.lock().await.next().await;
            while let Some(chunk) = request.chunk().await.unwrap() {
                count += chunk.len();
            }
            Reply::text(count.to_string())
        }
        .boxed()
    });
    let mut peer = Peer::in_memory(&MemoryConnector::new(server)).now_or_never().unwrap();
    let (response, mut stream) = peer.begin_body(request("POST", "/"));
    let mut sent = Box::pin(upload(&mut stream, 200_000, true));
    assert!(peer.run(&mut sent).now_or_never().is_none(), "the handler has not read");
    sender.unbounded_send(()).unwrap();
    peer.run(&mut sent).now_or_never().unwrap();
    assert_eq!(peer.answer(response).now_or_never().unwrap().unwrap().text(), "200000");
}

#[test]
fn closed_window_stops_a_request_body() {
    for (config, allowed) in [
        (Http2Config::new().keep_windows_closed(), 65_535),
        (Http2Config::new().initial_window_size(0), 0),
        (Http2Config::new().initial_window_size(10).keep_windows_closed(), 10),
        (Http2Config::new().initial_window_size(100_000).keep_windows_closed(), 65_535),
    ] {
        let recorder = Recorder::new();
        let reads = handler(|request| async move { Reply::new(200, request.body().await.unwrap()) }.boxed());
        let name = format!("{config:?}");
        let server = recorder.record(config.wrap(reads));
        let mut peer = Peer::in_memory(&MemoryConnector::new(server)).now_or_never().unwrap();
        let (response, mut stream) = peer.begin_body(request("POST", "/"));
        peer.settle();
        assert!(peer.run(upload(&mut stream, 1_000_000, true)).now_or_never().is_none());
        assert_eq!(recorder.requests()[0].body.len(), allowed, "{name}");
        assert!(peer.answer(response).now_or_never().is_none());
    }
}

#[test]
fn expected_continue_is_sent_when_the_handler_reads() {
    let server = handler(|request| {
        async move {
            match request.path() {
                "/no" => Reply::new(403, "no"),
                _ => Reply::new(200, request.body().await.unwrap()),
            }
        }
        .boxed()
    });
    on_each_transport(server, async |mut peer| {
        for (path, expectation, status, continues) in
            [("/yes", "100-continue", 200, true), ("/no", "100-continue", 403, false), ("/yes", "tea", 417, false)]
        {
            let mut head = request("POST", path);
            head.headers_mut().insert("expect", expectation.parse().unwrap());
            let (mut response, mut stream) = peer.begin_body(head);
            let interim = peer.run(std::future::poll_fn(|cx| response.poll_informational(cx))).await;
            assert_eq!(interim.is_some(), continues, "{path} {expectation}");
            if continues {
                stream.send_data(Bytes::from("the body"), true).unwrap();
            }
            let answer = peer.answer(response).await.unwrap();
            assert_eq!(answer.status(), status);
            if !continues {
                // The server does not wait for the body.
                let reset = peer.run(std::future::poll_fn(|cx| stream.poll_reset(cx))).await.unwrap();
                assert_eq!(reset, h2::Reason::NO_ERROR);
            }
        }
    });
}

#[test]
fn unread_request_body_is_skipped_up_to_a_bound() {
    let recorder = Recorder::new();
    let server = recorder.record(handler(|_| async { Reply::text("enough") }.boxed()));
    let mut peer = Peer::in_memory(&MemoryConnector::new(server)).now_or_never().unwrap();
    let (response, mut stream) = peer.begin_body(request("POST", "/"));
    peer.run(upload(&mut stream, 100_000, true)).now_or_never().unwrap();
    assert_eq!(peer.answer(response).now_or_never().unwrap().unwrap().text(), "enough");
    peer.settle();
    assert_eq!(recorder.take()[0].body.len(), 100_000);
    // Its length is not known before it ends.
    let (response, mut stream) = peer.begin_body(request("POST", "/"));
    peer.run(upload(&mut stream, 3_000_000, true)).now_or_never().unwrap();
    assert_eq!(peer.answer(response).now_or_never().unwrap().unwrap().text(), "enough");
    let reset = peer.run(std::future::poll_fn(|cx| stream.poll_reset(cx))).now_or_never().unwrap();
    assert_eq!(reset.unwrap(), h2::Reason::NO_ERROR);
}

#[test]
fn failing_body_of_a_reply_resets_its_stream_alone() {
    let server = handler(|request| {
        let fails = request.path() == "/fails";
        let chunks = [Ok("hello"), Err(std::io::Error::other("the disk is full"))];
        async move { if fails { Reply::new(200, Body::stream(stream::iter(chunks))) } else { Reply::text("ok") } }
            .boxed()
    });
    on_each_transport(server, async |mut peer| {
        let response = peer.begin(get("/fails"));
        let mut response = peer.run(response).await.unwrap();
        assert_eq!(peer.run(response.body_mut().data()).await.unwrap().unwrap(), "hello");
        let error = peer.run(response.body_mut().data()).await.unwrap().unwrap_err();
        assert_eq!((error.is_reset(), error.reason()), (true, Some(h2::Reason::INTERNAL_ERROR)));
        assert_eq!(peer.get("/").await.unwrap().text(), "ok");
    });
}

#[test]
fn reset_by_the_client_drops_the_handler() {
    struct Alarm(Arc<AtomicBool>);
    impl Drop for Alarm {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    for path in ["/handler", "/body"] {
        let is_dropped = Arc::new(AtomicBool::new(false));
        let flag = is_dropped.clone();
        let recorder = Recorder::new();
        let server = recorder.record(handler(move |request| {
            let alarm = Alarm(flag.clone());
            async move {
                if request.path() == "/handler" {
                    std::future::pending::<()>().await;
                }
                let held = stream::once(async { Ok::<_, std::io::Error>("one") }).chain(stream::pending());
                Reply::new(200, Body::stream(held.inspect(move |_| assert!(!alarm.0.load(Ordering::SeqCst)))))
            }
            .boxed()
        }));
        let mut peer = Peer::in_memory(&MemoryConnector::new(server)).now_or_never().unwrap();
        let (mut response, mut stream) = peer.begin_body(request("POST", path));
        assert_eq!(peer.run(&mut response).now_or_never().is_none(), path == "/handler");
        assert!(!is_dropped.load(Ordering::SeqCst), "{path}");
        stream.send_reset(h2::Reason::CANCEL);
        peer.settle();
        assert!(is_dropped.load(Ordering::SeqCst), "{path}");
        assert_eq!(recorder.requests()[0].reset, Some(8), "{path}");
    }
}
