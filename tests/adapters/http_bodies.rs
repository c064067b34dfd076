//! Bodies of the crate `http_body`, in both directions.

use std::convert::Infallible;
use std::error::Error as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::executor::block_on;
use futures::{AsyncReadExt, FutureExt, StreamExt, stream};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::{BodyExt, Channel, Empty, Full, StreamBody};
use waterspout::http::HeaderMap;
use waterspout::testing::{ManualTimer, MemoryConnector, Recorder, Reply, Script, handler};
use waterspout::{Agent, Body, Bytes, Client, Error, ErrorKind, Trailers, http};

use crate::support::client::{HELLO, URL, headers, once, scripted};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nchecksum: abc\r\n\r\n";

fn frames(frames: Vec<Result<Frame<Bytes>, Error>>) -> Body {
    Body::http_body(StreamBody::new(stream::iter(frames)))
}

fn hello_and_trailers() -> Body {
    frames(vec![Ok(Frame::data(Bytes::from("hello"))), Ok(Frame::trailers(headers(&[("checksum", "abc")])))])
}

fn is_send(
    body: impl http_body::Body<Data = Bytes, Error = Error> + Send + Sync + Unpin + 'static,
) -> impl http_body::Body {
    body
}

#[test]
fn body_reports_length_and_end() {
    drop(is_send(Body::empty()));
    for (body, length, at_end) in [
        (Body::empty(), Some(0), true),
        (Body::from(""), Some(0), true),
        (Body::from("hello"), Some(5), false),
        (Body::stream(stream::empty::<Result<Bytes, Error>>()), None, false),
        (Body::stream(stream::empty::<Result<Bytes, Error>>()).with_length(3), Some(3), false),
        (Body::factory(|| stream::iter([Ok::<_, Error>("a")])), None, false),
    ] {
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (length, at_end), "{body:?}");
        assert_eq!(body.size_hint().lower(), length.unwrap_or_default());
    }
    let mut body = Body::from("hello");
    let frame = block_on(body.frame()).unwrap().unwrap();
    assert_eq!((frame.into_data().unwrap(), body.is_end_stream()), (Bytes::from("hello"), true));
    assert_eq!(body.size_hint().exact(), Some(0));
    assert!(block_on(body.frame()).is_none());
}

#[test]
fn foreign_body_keeps_length_end_and_bytes() {
    assert!(Body::http_body(Empty::<Bytes>::new()).is_none());
    assert!(Body::http_body(Full::new(Bytes::new())).is_none());
    let body = Body::http_body(Full::new(Bytes::from("hello")));
    assert_eq!(body.length(), Some(5));
    assert_eq!(block_on(body.collect(5)).unwrap(), "hello");
    let body = Body::http_body(Body::from("again"));
    assert!(body.try_clone().is_some(), "a body of this crate is not wrapped");
}

#[test]
fn trailers_survive_both_directions() {
    for body in [hello_and_trailers(), Body::http_body(hello_and_trailers().boxed_unsync())] {
        let collected = block_on(BodyExt::collect(body)).unwrap();
        assert_eq!(collected.trailers().unwrap()["checksum"], "abc");
        assert_eq!(collected.to_bytes(), "hello");
    }
}

#[test]
fn trailers_of_a_server_are_the_last_frame() {
    let wire = scripted([once(CHUNKED)]);
    let response: http::Response<Body> = block_on(wire.get().send()).unwrap().into();
    let cell = response.extensions().get::<Trailers>().unwrap().clone();
    let mut body = response.into_body();
    let data = block_on(body.frame()).unwrap().unwrap().into_data().unwrap();
    assert_eq!((data, body.is_end_stream()), (Bytes::from("hello"), false));
    let trailers = block_on(body.frame()).unwrap().unwrap().into_trailers().unwrap();
    assert_eq!((&trailers["checksum"], cell.get()), (&"abc".parse().unwrap(), Some(&trailers)));
    assert!(body.is_end_stream() && block_on(body.frame()).is_none());
    assert_eq!(wire.client.stats().active, 0);
}

#[test]
fn rest_of_a_reader_keeps_the_trailers() {
    for read in [3, 5] {
        let wire = scripted([once(CHUNKED)]);
        let response: http::Response<Body> = block_on(wire.get().send()).unwrap().into();
        let mut reader = response.into_body().into_reader();
        block_on(reader.read_exact(&mut vec![0; read])).unwrap();
        let rest = block_on(BodyExt::collect(reader.into_body())).unwrap();
        assert_eq!(rest.trailers().unwrap()["checksum"], "abc", "{read}");
    }
}

#[test]
fn trailers_of_a_body_of_unknown_length_are_sent() {
    let wire = scripted([once(HELLO)]);
    block_on(wire.client.put(URL).body(hello_and_trailers()).send()).unwrap();
    let (head, body) = wire.sent_head_and_rest();
    assert!(head.ends_with("transfer-encoding: chunked"), "{head}");
    assert_eq!(body, "5\r\nhello\r\n0\r\nchecksum: abc\r\n\r\n");
}

#[test]
fn body_with_a_length_sends_its_trailers_only_if_a_header_announces_them() {
    let body = || {
        let trailers = async { Some(Ok::<_, Infallible>(headers(&[("checksum", "abc")]))) };
        Body::http_body(Full::new(Bytes::from("hello")).with_trailers(Box::pin(trailers)))
    };
    assert_eq!(body().length(), Some(5));
    for (announced, expected) in [(false, "hello"), (true, "5\r\nhello\r\n0\r\nchecksum: abc\r\n\r\n")] {
        let wire = scripted([once(HELLO)]);
        let mut request = wire.client.put(URL).body(body());
        if announced {
            request = request.header("trailer", "checksum");
        }
        block_on(request.send()).unwrap();
        assert_eq!(wire.sent_head_and_rest().1, expected);
    }
}

#[test]
fn failure_of_a_foreign_body_is_an_error_of_the_request_with_its_source() {
    let wire = scripted([once(HELLO)]);
    let failing = stream::iter([Ok(Frame::data(Bytes::from("he"))), Err(std::io::Error::other("disk"))]);
    let error = block_on(wire.client.put(URL).body(Body::http_body(StreamBody::new(failing))).send()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RequestBody);
    assert_eq!(error.source().unwrap().to_string(), "disk");
}

#[test]
fn error_of_this_crate_passes_a_foreign_body_unchanged() {
    let wire = scripted([once("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello")]);
    let response: http::Response<Body> = block_on(wire.get().send()).unwrap().into();
    let mut body = Body::http_body(response.into_body().boxed_unsync());
    assert_eq!(block_on(body.chunk()).unwrap().unwrap(), "hello");
    assert_eq!(block_on(body.chunk()).unwrap_err().kind(), ErrorKind::ConnectionClosed);
    assert!(block_on(body.next()).is_none(), "a body ends after its error");
}

#[test]
fn foreign_body_that_waits_is_sent_when_it_goes_on() {
    let recorder = Recorder::new();
    let echo = handler(|request| Box::pin(async { Reply::new(200, request.body().await.unwrap()) }));
    let agent = Agent::new(MemoryConnector::new(recorder.record(echo)), ManualTimer::new());
    let client = Client::builder().backend(agent).build().unwrap();
    let (mut sender, body) = Channel::<Bytes, Error>::new(1);
    let request = async { client.put(URL).body(Body::http_body(body)).await.unwrap().text().await };
    let produce = async {
        sender.send_data(Bytes::from("he")).await.unwrap();
        sender.send_data(Bytes::from("llo")).await.unwrap();
        sender.send_trailers(headers(&[("checksum", "abc")])).await.unwrap();
        drop(sender);
    };
    let (text, ()) = block_on(futures::future::join(request, produce));
    assert_eq!(text.unwrap(), "hello");
    assert_eq!(recorder.requests()[0].trailers, Some(headers(&[("checksum", "abc")])));
}

/// A body that declares a length and never has a frame.
struct Silent {
    _alive: Arc<()>,
}

impl http_body::Body for Silent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(5)
    }
}

#[test]
fn dropped_request_drops_the_foreign_body() {
    let wire = scripted([Script::new().expect_head().silence()]);
    let alive = Arc::new(());
    let body = Body::http_body(Silent { _alive: alive.clone() });
    assert_eq!(body.length(), Some(5));
    let mut request = Box::pin(wire.client.put(URL).body(body).send());
    assert!(request.as_mut().now_or_never().is_none());
    assert_eq!(Arc::strong_count(&alive), 2);
    drop(request);
    assert_eq!((Arc::strong_count(&alive), wire.connector.open()), (1, 0));
}

#[test]
fn trailers_frame_without_data_is_kept() {
    let body = frames(vec![Ok(Frame::trailers(HeaderMap::new())), Ok(Frame::trailers(headers(&[("late", "1")])))]);
    let trailers = block_on(BodyExt::collect(body)).unwrap().trailers().cloned().unwrap();
    assert!(trailers.is_empty(), "the first trailers end the body");
}
