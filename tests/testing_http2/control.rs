//! PING, and what a test sees of the client's frames.

use futures::FutureExt;
use h2::Ping;
use waterspout::testing::{Http2Action, Http2Config, Http2Control, Http2Frame, MemoryConnector, Reply, handler};

use super::peer::{Peer, get};

fn server(config: Http2Config, control: &Http2Control) -> MemoryConnector {
    MemoryConnector::new(config.control(control).wrap(handler(|_| async { Reply::text("hello") }.boxed())))
}

#[test]
fn ping_is_answered_unless_the_server_ignores_it() {
    for (config, is_answered) in [(Http2Config::new(), true), (Http2Config::new().ignore_pings(), false)] {
        let control = Http2Control::new();
        let connector = server(config, &control);
        let mut peer = Peer::in_memory(&connector).now_or_never().unwrap();
        let mut pings = peer.ping_pong();
        assert_eq!(peer.run(pings.ping(Ping::opaque())).now_or_never().is_some(), is_answered);
        let pings = control.take_received().into_iter().filter(|(_, frame)| frame.kind == Http2Frame::PING).count();
        assert_eq!(pings, 1);
        assert_eq!(peer.get("/").now_or_never().unwrap().unwrap().text(), "hello");
    }
}

#[test]
fn client_answers_the_ping_of_the_server() {
    let control = Http2Control::new();
    let connector = server(Http2Config::new(), &control);
    let mut peer = Peer::in_memory(&connector).now_or_never().unwrap();
    control.run(Http2Action::Ping(*b"12345678"));
    peer.settle();
    let expected = Http2Frame::new(Http2Frame::PING, Http2Frame::ACK, 0, "12345678");
    assert!(control.take_received().contains(&(0, expected)));
}

#[test]
fn frames_of_the_client_are_recorded() {
    let control = Http2Control::new();
    let connector = server(Http2Config::new(), &control);
    let mut first = Peer::in_memory(&connector).now_or_never().unwrap();
    let mut second = Peer::in_memory(&connector).now_or_never().unwrap();
    first.get("/").now_or_never().unwrap().unwrap();
    second.get("/").now_or_never().unwrap().unwrap();
    let received = control.take_received();
    for connection in [0, 1] {
        let kinds: Vec<_> =
            received.iter().filter(|(number, _)| *number == connection).map(|(_, it)| it.kind).collect();
        assert_eq!(kinds[0], Http2Frame::SETTINGS, "{kinds:?}");
        assert!(kinds.contains(&Http2Frame::HEADERS), "{kinds:?}");
    }
    assert!(control.take_received().is_empty());
    drop(second.begin(get("/")));
    second.settle();
}

#[test]
fn action_runs_on_a_single_connection() {
    let control = Http2Control::new();
    let connector = server(Http2Config::new(), &control);
    let mut first = Peer::in_memory(&connector).now_or_never().unwrap();
    let mut second = Peer::in_memory(&connector).now_or_never().unwrap();
    assert_eq!(control.open(), 2);
    control.run_on(1, Http2Action::Close);
    first.settle();
    second.settle();
    assert_eq!((first.end.is_some(), second.end.is_some(), control.open()), (false, true, 1));
    drop(first);
    assert_eq!(control.open(), 0, "a connection that the client drops is not open");
}

#[test]
fn too_many_resets_end_the_connection() {
    for (max, allowed) in [(0, 0), (3, 3)] {
        let control = Http2Control::new();
        let connector = server(Http2Config::new().max_resets(max), &control);
        let mut peer = Peer::in_memory(&connector).now_or_never().unwrap();
        for count in 0..=allowed {
            assert!(peer.end.is_none(), "after {count} resets");
            // A request with a body that does not come, so the stream is still open.
            let (response, mut stream) = peer.begin_body(super::peer::request("POST", "/"));
            peer.settle();
            stream.send_reset(h2::Reason::CANCEL);
            drop(response);
            peer.settle();
        }
        let end = peer.end.take().unwrap().unwrap_err();
        assert_eq!(end.reason(), Some(h2::Reason::ENHANCE_YOUR_CALM));
    }
}
