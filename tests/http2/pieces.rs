//! The pieces of a body, as a caller reads them: the last frame may be empty, but no piece is.

use futures::executor::block_on;
use http::Version;
use waterspout::testing::{Http2Frame, ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, Client};

use crate::common::url;

/// The flag of a frame that begins with the length of its padding (RFC 9113, section 6.1).
const PADDED: u8 = 0x8;

#[test]
fn no_piece_is_empty() {
    let data = |text: &'static str| Http2Frame::data(1, text, false);
    let last = |text: &'static str| Http2Frame::data(1, text, true);
    let padded = Http2Frame::new(Http2Frame::DATA, Http2Frame::END_STREAM | PADDED, 1, vec![3, 0, 0, 0]);
    let trailers = Http2Frame::headers(1, &[("x-sum", "1")], true);
    let table = [
        ("no data", vec![last("")], vec![]),
        ("padding only", vec![padded.clone()], vec![]),
        ("trailers only", vec![trailers.clone()], vec![]),
        ("data, then an empty end", vec![data("a"), last("")], vec!["a"]),
        ("data, then padding", vec![data("a"), padded], vec!["a"]),
        ("empty frames around data", vec![data(""), data("a"), data(""), last("")], vec!["a"]),
        ("an empty frame before trailers", vec![data("a"), data(""), trailers], vec!["a"]),
        ("two pieces", vec![data("a"), last("b")], vec!["a", "b"]),
    ];
    for (name, frames, expected) in table {
        for is_late in [false, true] {
            let pieces = block_on(read(frames.clone(), is_late));
            assert!(!pieces.contains(&String::new()), "{name}, later: {is_late}: {pieces:?}");
            // What arrives together with the head is a single piece.
            match is_late {
                true => assert_eq!(pieces, expected, "{name}"),
                false => assert_eq!(pieces.concat(), expected.concat(), "{name}"),
            }
        }
    }
}

/// Returns the pieces of a response with these frames after its head, either at once or each by itself.
async fn read(frames: Vec<Http2Frame>, is_late: bool) -> Vec<String> {
    let start = Script::new().send(Http2Frame::settings(&[])).expect_frame(Http2Frame::HEADERS);
    let script = start.send(Http2Frame::headers(1, &[(":status", "200")], false));
    let script = frames.into_iter().fold(script, |script, frame| match is_late {
        true => script.pause().send(frame),
        false => script.send(frame),
    });
    let connector = ScriptedConnector::new([script]).version(Version::HTTP_2);
    let timer = ManualTimer::new();
    let client = Client::builder().backend(Agent::new(connector, timer.clone())).timer(timer).build().unwrap();
    let mut response = client.get(url("/")).await.unwrap();
    let mut pieces = Vec::new();
    while let Some(piece) = response.chunk().await.unwrap() {
        pieces.push(String::from_utf8(piece.to_vec()).unwrap());
    }
    pieces
}

#[test]
fn body_of_known_length_ends_with_its_last_byte() {
    let start = Script::new().send(Http2Frame::settings(&[])).expect_frame(Http2Frame::HEADERS);
    let head = Http2Frame::headers(1, &[(":status", "200"), ("content-length", "5")], false);
    let script = start.send(head).pause().send(Http2Frame::data(1, "he", false)).pause();
    let script = script.send(Http2Frame::data(1, "llo", true)).expect_frame(Http2Frame::HEADERS);
    let script = script.send(Http2Frame::headers(3, &[(":status", "204")], true));
    let connector = ScriptedConnector::new([script]).version(Version::HTTP_2);
    let timer = ManualTimer::new();
    let client = Client::builder().backend(Agent::new(connector.clone(), timer.clone())).timer(timer).build().unwrap();
    let mut response = block_on(client.get(url("/")).send()).unwrap();
    for piece in ["he", "llo"] {
        assert_eq!(block_on(response.chunk()).unwrap().unwrap(), piece);
    }
    assert_eq!(client.stats().active, 0);
    drop(response);
    assert_eq!(block_on(client.get(url("/")).send()).unwrap().status(), 204);
    let resets = connector.frames(0).iter().filter(|frame| frame.kind == Http2Frame::RST_STREAM).count();
    assert_eq!((connector.connections(), resets), (1, 0));
}
