//! What a recorder tells of requests over both versions of HTTP.

use futures::FutureExt;
use futures::executor::block_on;
use http::{HeaderMap, Version};
use waterspout::Bytes;
use waterspout::testing::{ManualTimer, MemoryConnector, Recorder, Reply, handler};

use super::peer::{Peer, get, request};

#[test]
fn recorded_requests_have_version_connection_and_stream() {
    let recorder = Recorder::new();
    let connector = MemoryConnector::new(recorder.record(handler(|_| async { Reply::text("ok") }.boxed())));
    let agent = waterspout::Agent::new(connector.clone(), ManualTimer::new());
    let client = waterspout::Client::builder().backend(agent).build().unwrap();
    block_on(async { client.get("http://example.com/0").await.unwrap().text().await }).unwrap();
    let mut peers: Vec<_> = (0..2).map(|_| Peer::in_memory(&connector).now_or_never().unwrap()).collect();
    for path in ["/1", "/2"] {
        for peer in &mut peers {
            peer.get(path).now_or_never().unwrap().unwrap();
        }
    }
    let seen: Vec<_> =
        recorder.take().into_iter().map(|it| (it.version, it.connection, it.stream, it.target)).collect();
    let two = |connection, stream, target: &str| (Version::HTTP_2, connection, Some(stream), target.to_owned());
    let expected = [
        (Version::HTTP_11, 0, None, "/0".to_owned()),
        two(1, 1, "/1"),
        two(2, 1, "/1"),
        two(1, 3, "/2"),
        two(2, 3, "/2"),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn recorded_request_has_its_headers_body_and_trailers() {
    let recorder = Recorder::new();
    let server = recorder.record(handler(|_| async { Reply::text("ok") }.boxed()));
    let mut peer = Peer::in_memory(&MemoryConnector::new(server)).now_or_never().unwrap();
    let mut head = request("POST", "/");
    head.headers_mut().insert("x-key", "1".parse().unwrap());
    let (response, mut stream) = peer.begin_body(head);
    stream.send_data(Bytes::from("unread"), false).unwrap();
    stream.send_trailers(HeaderMap::from_iter([("sum".parse().unwrap(), "2".parse().unwrap())])).unwrap();
    peer.answer(response).now_or_never().unwrap().unwrap();
    peer.get("/").now_or_never().unwrap().unwrap();
    let seen = recorder.requests();
    assert_eq!((&seen[0].headers["x-key"], &seen[0].body[..]), (&"1".parse().unwrap(), &b"unread"[..]));
    assert_eq!(seen[0].trailers.as_ref().unwrap()["sum"], "2");
    assert!(!seen[0].headers.contains_key("host"), "headers are recorded as sent");
    assert_eq!((&seen[1].trailers, seen[1].reset), (&None, None));
}

#[test]
fn request_of_a_handler_without_an_answer_is_recorded_with_its_reset() {
    let recorder = Recorder::new();
    let server = recorder.record(handler(|_| async { Reply::silence() }.boxed()));
    let mut peer = Peer::in_memory(&MemoryConnector::new(server)).now_or_never().unwrap();
    let mut response = peer.begin(get("/"));
    assert!(peer.run(&mut response).now_or_never().is_none());
    assert_eq!(recorder.requests()[0].reset, None);
    drop(response);
    peer.settle();
    assert_eq!(recorder.requests()[0].reset, Some(8));
}
