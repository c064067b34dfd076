//! Responses that begin, or are complete, before the request is sent.

use futures::FutureExt;
use waterspout::testing::{Http2Action, Http2Config, Incoming, Reply, handler};
use waterspout::{ErrorKind, Response};

use crate::common::{get, url};
use crate::served::Served;

/// More than the window of a connection, so that a part of the request waits for the server.
const BODY: usize = 200_000;

/// Answers with these many bytes before it reads the request.
fn serve(size: usize) -> Served {
    let server = handler(move |_: &mut Incoming| async move { Reply::new(200, vec![b'x'; size]) }.boxed());
    Served::new(Http2Config::new(), server)
}

/// Posts a body, and receives the head of the response.
fn post(served: &mut Served) -> Response {
    let request = served.client.post(url("/")).body(vec![b'x'; BODY]);
    served.run(async move { request.await }).expect("no head comes").unwrap()
}

#[test]
fn complete_response_is_received_although_the_connection_ends_before_the_request_is_sent() {
    for size in [0, 1, 10_000] {
        let mut served = serve(size);
        let response = post(&mut served);
        served.act(Http2Action::Close);
        // Another request reads the end of the connection first.
        served.run(get(&served.client, "/")).expect("the second request hangs").unwrap();
        let body = served.run(async move { response.bytes().await });
        assert_eq!(body.expect("the body hangs").unwrap().len(), size);
    }
}

#[test]
fn response_that_is_cut_before_the_request_is_sent_fails() {
    // The window of the stream holds 2 MiB of the response back.
    let mut served = serve(3_000_000);
    let response = post(&mut served);
    served.act(Http2Action::Close);
    let body = served.run(async move { response.bytes().await });
    assert_eq!(body.expect("the body hangs").unwrap_err().kind(), ErrorKind::ConnectionClosed);
}
