//! Mutated frames of HTTP/2.

use futures::future::join;
use waterspout::http::Version;
use waterspout::testing::{Http2ErrorCode, Http2Frame, ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, Client};

use crate::support::polling::run_until_stalled;

use super::mutator::fuzz;

fn bytes(frames: &[Http2Frame]) -> Vec<u8> {
    frames.iter().flat_map(Http2Frame::to_bytes).collect()
}

/// What servers send to a client with two requests, the streams 1 and 3.
fn answers() -> Vec<Vec<u8>> {
    let ok = |stream, is_end| Http2Frame::headers(stream, &[(":status", "200"), ("x-name", "value")], is_end);
    let block = Http2Frame::header_block(&[(":status", "200"), ("content-length", "5")]);
    let (first, second) = block.split_at(block.len() / 2);
    vec![
        bytes(&[ok(1, false), ok(3, true), Http2Frame::data(1, "hello", true)]),
        bytes(&[
            Http2Frame::headers(1, &[(":status", "103")], false),
            Http2Frame::new(Http2Frame::HEADERS, 0, 1, first.to_vec()),
            Http2Frame::new(Http2Frame::CONTINUATION, Http2Frame::END_HEADERS, 1, second.to_vec()),
            Http2Frame::data(1, "hello", false),
            Http2Frame::headers(1, &[("x-sum", "7")], true),
            ok(3, true),
        ]),
        bytes(&[Http2Frame::ping([1; 8]), Http2Frame::window_update(0, 100), ok(3, true), ok(1, true)]),
        bytes(&[Http2Frame::settings(&[(1, 0), (3, 1), (4, 10), (5, 20_000)]), ok(1, true), ok(3, true)]),
        bytes(&[ok(1, false), Http2Frame::rst_stream(1, Http2ErrorCode::REFUSED_STREAM), ok(3, true)]),
        bytes(&[ok(1, true), Http2Frame::rst_stream(3, Http2ErrorCode::CANCEL)]),
    ]
}

#[test]
fn mutated_frames_end_without_a_panic() {
    let answers = answers();
    let seeds: Vec<&[u8]> = answers.iter().map(Vec::as_slice).collect();
    fuzz(&seeds, |answer, mutator| {
        let mut script = || {
            let (first, second) = answer.split_at(mutator.below(answer.len() + 1));
            let script = Script::new().send(Http2Frame::settings(&[])).expect_frame(Http2Frame::HEADERS);
            script.send(first).pause().send(second)
        };
        let connector = ScriptedConnector::new([script(), script(), script(), script()]).version(Version::HTTP_2);
        let timer = ManualTimer::new();
        let client = Client::builder().backend(Agent::new(connector, timer.clone())).timer(timer).build().unwrap();
        let fetch = || async { client.get("http://a.test/").await?.text().await };
        let (one, two) = run_until_stalled(join(fetch(), fetch())).expect("a request hangs");
        for outcome in [&one, &two] {
            assert!(outcome.as_ref().map_or(0, String::len) <= 4_096);
        }
        one.is_ok() || two.is_ok()
    });
}
