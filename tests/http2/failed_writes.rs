//! A server that closes a connection between the client's read and its write: what it sent before is read.

use std::task::Poll;

use waterspout::Result;
use waterspout::testing::{Http2ErrorCode, Http2Frame};

use crate::common::post;
use crate::raw::{RawNet, RawServer};
use crate::served::HandPolled;

/// Returns the frames of a response.
fn response(stream: u32) -> [Http2Frame; 2] {
    [Http2Frame::headers(stream, &[(":status", "200")], false), Http2Frame::data(stream, "hello", true)]
}

/// Polls a request until it is ready, and answers all requests on new connections.
fn finish(net: &RawNet, request: &mut HandPolled<Result<String>>) -> Result<String> {
    let mut servers: Vec<RawServer> = Vec::new();
    for _ in 0..20 {
        if let Poll::Ready(outcome) = request.poll() {
            return outcome;
        }
        servers.extend(net.accept());
        for server in &mut servers {
            let answers: Vec<_> = server.streams().into_iter().flat_map(response).collect();
            server.send(&[&[Http2Frame::settings(&[])], &answers[..]].concat());
        }
    }
    panic!("the request hangs");
}

#[test]
fn answers_that_arrived_before_a_failed_write_are_read() {
    let go_away = Http2Frame::go_away(1, Http2ErrorCode::NO_ERROR);
    for (name, last_frames) in [("with GOAWAY", vec![go_away]), ("without GOAWAY", vec![])] {
        let net = RawNet::new();
        let mut first = HandPolled::new(post(&net.client, "/first", 5));
        assert!(first.poll().is_pending() && first.poll().is_pending());
        let mut server = net.accept().unwrap();
        server.send(&[Http2Frame::settings(&[])]);
        assert!(first.poll().is_pending());
        assert_eq!(server.streams(), [1]);
        let mut second = HandPolled::new(post(&net.client, "/second", 5));
        net.before_next_write(move || {
            server.send(&[&response(1)[..], &last_frames].concat());
            drop(server);
        });
        assert!(second.poll().is_pending());
        assert!(second.poll().is_pending(), "{name}");
        assert_eq!(finish(&net, &mut first).unwrap(), "hello", "{name}: the first request was answered");
        assert_eq!(finish(&net, &mut second).unwrap(), "hello", "{name}: the second request was not sent");
    }
}
