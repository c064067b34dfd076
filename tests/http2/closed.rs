//! Connections that end at any byte of a response.

use futures::FutureExt;
use futures::executor::block_on;
use http::Version;
use waterspout::testing::{Http2Frame, ManualTimer, MemoryConnector, Reply, handler};
use waterspout::{Agent, Client, ErrorKind, Phase};

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
