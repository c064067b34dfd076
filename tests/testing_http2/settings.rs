//! SETTINGS of the server: limits of streams and windows, at the beginning and changed in flight.

use futures::FutureExt;
use futures::channel::oneshot;
use waterspout::Bytes;
use waterspout::testing::{
    Handler, Http2Action, Http2Config, Http2Control, Http2Frame, MemoryConnector, Recorder, Reply, handler,
};

use super::peer::{Peer, RawPeer, get, request};

/// Answers once the sender is used or dropped.
fn held() -> (impl Handler, oneshot::Sender<()>) {
    let (release, released) = oneshot::channel::<()>();
    let released = released.shared();
    let held = handler(move |_| {
        let released = released.clone();
        async move {
            let _ = released.await;
            Reply::text("hello")
        }
        .boxed()
    });
    (held, release)
}

/// Returns the first frame of the server.
fn first_settings(config: Http2Config) -> Http2Frame {
    let connector = MemoryConnector::new(config.wrap(held().0));
    RawPeer::new(&connector).received().remove(0)
}

#[test]
fn settings_are_in_the_first_frame() {
    let limits = Http2Config::new()
        .max_concurrent_streams(7)
        .initial_window_size(1000)
        .max_frame_size(20_000)
        .max_header_list_size(3000)
        .header_table_size(256);
    for (config, expected) in [
        (Http2Config::new(), vec![]),
        (Http2Config::new().max_concurrent_streams(1), vec![(3, 1)]),
        (limits, vec![(1, 256), (3, 7), (4, 1000), (5, 20_000), (6, 3000)]),
    ] {
        let frame = first_settings(config);
        let pairs = frame.payload.chunks(6).map(|entry| {
            let value = u32::from_be_bytes(entry[2..].try_into().unwrap());
            (u16::from_be_bytes([entry[0], entry[1]]), value)
        });
        let mut pairs: Vec<_> = pairs.collect();
        pairs.sort_unstable();
        assert_eq!((frame.kind, pairs), (Http2Frame::SETTINGS, expected));
    }
}

/// Sends requests without regard to the server's limit, and returns which streams were refused. With a change, the
/// client first acknowledges the changed limit.
fn refused(streams: u32, config: Http2Config, change: Option<u32>) -> Vec<u32> {
    let control = Http2Control::new();
    let (held, _release) = held();
    let mut peer = RawPeer::new(&MemoryConnector::new(config.control(&control).wrap(held)));
    peer.received();
    peer.send(&[Http2Frame::settings_ack()]);
    if let Some(max) = change {
        control.run(Http2Action::MaxConcurrentStreams(max));
        assert_eq!(peer.received().last(), Some(&Http2Frame::settings(&[(3, max)])));
        peer.send(&[Http2Frame::settings_ack()]);
    }
    let fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")];
    let requests: Vec<_> = (0..streams).map(|index| Http2Frame::headers(1 + 2 * index, &fields, true)).collect();
    peer.send(&requests);
    let resets = peer.received().into_iter().filter(|frame| frame.kind == Http2Frame::RST_STREAM);
    resets
        .map(|frame| (frame.stream, frame.payload[3]))
        .inspect(|(_, code)| assert_eq!(*code, 7))
        .map(|it| it.0)
        .collect()
}

#[test]
fn streams_above_the_limit_are_refused() {
    let limit = |max| Http2Config::new().max_concurrent_streams(max);
    assert!(refused(4, Http2Config::new(), None).is_empty());
    assert_eq!(refused(4, limit(2), None), [5, 7]);
    assert_eq!(refused(4, limit(2), Some(3)), [7]);
    assert_eq!(refused(3, limit(2), Some(1)), [3, 5]);
    assert_eq!(refused(2, Http2Config::new(), Some(1)), [3]);
}

#[test]
fn client_learns_a_changed_limit_of_streams() {
    let control = Http2Control::new();
    let (held, release) = held();
    let recorder = Recorder::new();
    let server = Http2Config::new().max_concurrent_streams(1).control(&control).wrap(held);
    let mut peer = Peer::in_memory(&MemoryConnector::new(recorder.record(server))).now_or_never().unwrap();
    let responses: Vec<_> = (0..3)
        .map(|_| {
            let response = peer.begin(get("/"));
            peer.settle();
            // h2 queues a single request above the limit.
            response
        })
        .take(2)
        .collect();
    assert_eq!(recorder.requests().len(), 1);
    control.run(Http2Action::MaxConcurrentStreams(2));
    peer.settle();
    assert_eq!(recorder.requests().len(), 2);
    release.send(()).unwrap();
    for response in responses {
        assert_eq!(peer.answer(response).now_or_never().unwrap().unwrap().text(), "hello");
    }
}

#[test]
fn stream_that_the_client_ended_leaves_room_for_the_next_stream() {
    let (held, _release) = held();
    let recorder = Recorder::new();
    let server = recorder.record(Http2Config::new().max_concurrent_streams(1).wrap(held));
    let mut peer = Peer::in_memory(&MemoryConnector::new(server)).now_or_never().unwrap();
    for count in 1..=5 {
        let response = peer.begin(get("/"));
        peer.settle();
        assert_eq!(recorder.requests().len(), count);
        // The next request leaves together with the reset.
        drop(response);
    }
    assert!(recorder.requests()[..4].iter().all(|request| request.reset == Some(8)));
}

#[test]
fn changed_window_lets_a_request_body_go_on() {
    let control = Http2Control::new();
    let recorder = Recorder::new();
    let reads = handler(|request| async move { Reply::new(200, request.body().await.unwrap()) }.boxed());
    let server = Http2Config::new().initial_window_size(0).keep_windows_closed().control(&control).wrap(reads);
    let mut peer = Peer::in_memory(&MemoryConnector::new(recorder.record(server))).now_or_never().unwrap();
    let (response, mut stream) = peer.begin_body(request("POST", "/"));
    stream.send_data(Bytes::from("hello"), true).unwrap();
    peer.settle();
    assert_eq!(recorder.requests()[0].body, "");
    control.run(Http2Action::InitialWindowSize(3));
    peer.settle();
    assert_eq!(recorder.requests()[0].body, "hel");
    // Two changes at once: the second change waits for the first acknowledgement.
    control.run(Http2Action::InitialWindowSize(4));
    control.run(Http2Action::InitialWindowSize(10));
    assert_eq!(peer.answer(response).now_or_never().unwrap().unwrap().text(), "hello");
}

#[test]
fn streams_of_a_lowered_limit_are_answered() {
    let control = Http2Control::new();
    let (held, release) = held();
    let server = Http2Config::new().control(&control).wrap(held);
    let mut peer = Peer::in_memory(&MemoryConnector::new(server)).now_or_never().unwrap();
    let responses: Vec<_> = (0..5).map(|_| peer.begin(get("/"))).collect();
    peer.settle();
    control.run(Http2Action::MaxConcurrentStreams(0));
    peer.settle();
    release.send(()).unwrap();
    for response in responses {
        assert_eq!(peer.answer(response).now_or_never().unwrap().unwrap().text(), "hello");
    }
    let mut waiting = peer.begin(get("/"));
    assert!(peer.run(&mut waiting).now_or_never().is_none(), "no stream may be opened");
    control.run(Http2Action::MaxConcurrentStreams(1));
    assert_eq!(peer.answer(waiting).now_or_never().unwrap().unwrap().text(), "hello");
}
