//! Connections that end at any byte of a response.

use futures::FutureExt;
use futures::executor::block_on;
use http::Version;
use waterspout::testing::{
    Http2Action, Http2Config, Http2ErrorCode, Http2Frame, ManualTimer, MemoryConnector, Reply, handler,
};
use waterspout::{Agent, Client, ErrorKind, Phase};

use crate::common::{Log, gated, get, post, post_once};
use crate::served::{Gates, Served};

/// Returns the frames of a response.
fn response(stream: u32) -> Vec<u8> {
    let frames = [Http2Frame::headers(stream, &[(":status", "200")], false), Http2Frame::data(stream, "hello", true)];
    frames.iter().flat_map(Http2Frame::to_bytes).collect()
}

#[test]
fn connection_that_ends_within_a_frame_is_closed_by_the_server() {
    let head = Http2Frame::headers(1, &[(":status", "200")], false).to_bytes().len();
    for length in 0..response(1).len() {
        let server = handler(move |request| {
            let stream = request.stream().unwrap();
            async move { Reply::raw(response(stream)[..length].to_vec()) }.boxed()
        });
        let connector = MemoryConnector::new(server).version(Version::HTTP_2);
        let client = Client::builder().backend(Agent::new(connector, ManualTimer::new())).build().unwrap();
        let error = block_on(async { client.get("http://server.test/").await?.text().await }).unwrap_err();
        let phase = if length < head { Phase::Head } else { Phase::Body };
        assert_eq!((error.kind(), error.phase()), (ErrorKind::ConnectionClosed, phase), "{length}: {error:?}");
    }
}

#[test]
fn idle_connection_that_has_ended_takes_no_body_that_can_be_sent_once() {
    let retired = Http2Action::GoAway { code: Http2ErrorCode::NO_ERROR, last_stream: None };
    for action in [Http2Action::Close, retired] {
        let log = Log::default();
        let mut served = Served::new(Http2Config::new(), gated(&Gates::default(), &log));
        assert_eq!(served.run(get(&served.client, "/first")).unwrap().unwrap(), "/first");
        // Without an executor the agent does not read the idle connection, so only the next request sees its end.
        served.act(action.clone());
        let text = served.run(post_once(&served.client, "/second", 5)).unwrap();
        assert_eq!(text.unwrap(), "/second", "{action:?}");
        assert_eq!(log.take(), ["GET /first", "POST /second"], "{action:?}");
        assert_eq!(served.connects(), 2, "{action:?}");
    }
}

#[test]
fn idempotent_requests_that_share_a_new_connection_are_sent_again_when_it_closes() {
    let table: [&[(&str, bool)]; 5] = [
        // As over HTTP/1.1, a single request on a new connection is not sent again.
        &[("GET", false)],
        &[("GET", true), ("GET", true)],
        &[("GET", true), ("POST", false)],
        &[("POST", false), ("GET", true)],
        &[("GET", true), ("GET", true), ("POST", false), ("GET", true)],
    ];
    for requests in table {
        let (gates, log) = (Gates::default(), Log::default());
        let mut served = Served::build(Http2Config::new(), gated(&gates, &log), &gates, usize::MAX, |builder| builder);
        let started: Vec<_> = requests
            .iter()
            .map(|(method, _)| match *method {
                "GET" => served.start(get(&served.client.clone(), "/held/a")),
                _ => served.start(post(&served.client.clone(), "/held/a", 5)),
            })
            .collect();
        served.tasks.run_until_stalled();
        assert_eq!((served.connects(), log.take().len()), (1, requests.len()), "{requests:?}");
        gates.open("a");
        served.control.run(Http2Action::Close);
        served.tasks.run_until_stalled();
        for ((method, is_ok), request) in requests.iter().zip(&started) {
            let outcome = request.take().unwrap_or_else(|| panic!("{method} of {requests:?} hangs"));
            assert_eq!(outcome.is_ok(), *is_ok, "{method} of {requests:?}: {outcome:?}");
        }
    }
}
