//! A response's body as a stream.

use futures::executor::block_on;
use futures::{AsyncReadExt, Stream, StreamExt, TryStreamExt, stream};
use waterspout::http::StatusCode;
use waterspout::testing::{ManualTimer, MockBackend};
use waterspout::{Body, Bytes, Client, Error, ErrorKind, Response, Result};

use crate::support::client::{URL, once, scripted, seconds};

fn is_a_stream(stream: impl Stream<Item = Result<Bytes>> + Send + Sync + Unpin + 'static) -> impl Stream {
    stream
}

/// A client whose responses have a body of these chunks.
fn chunked(chunks: &'static [&'static str]) -> Client {
    let backend = MockBackend::new(move |request| {
        let url = request.url().clone();
        let body = Body::stream(stream::iter(chunks.iter().map(|chunk| Ok::<_, Error>(*chunk))));
        Box::pin(async move { Ok(Response::new(StatusCode::OK, url, body)) })
    });
    Client::builder().backend(backend).build().unwrap()
}

#[test]
fn body_stream_is_send_and_holds_the_slot_until_its_end() {
    let client = chunked(&["hel", "lo"]);
    let response = block_on(client.get(URL).send()).unwrap();
    let stream = response.bytes_stream();
    assert_eq!(client.stats().active, 1);
    let chunks = block_on(stream.try_collect::<Vec<_>>()).unwrap();
    assert_eq!((chunks, client.stats().active), (vec![Bytes::from("hel"), Bytes::from("lo")], 0));

    let response = block_on(client.get(URL).send()).unwrap();
    drop(is_a_stream(response.bytes_stream()));
    assert_eq!(client.stats().active, 0);
}

#[test]
fn body_stream_ends_with_the_error_of_a_truncated_body() {
    let wire = scripted([once("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello")]);
    let items: Vec<_> = block_on(async { wire.get().await.unwrap().bytes_stream().collect().await });
    assert_eq!(items[0].as_ref().unwrap(), "hello");
    let error = items[1].as_ref().unwrap_err();
    assert_eq!((error.kind(), error.url()), (ErrorKind::ConnectionClosed, Some(URL)));
    assert_eq!(items.len(), 2);
}

#[test]
fn body_stream_is_read_as_an_async_read() {
    let text = block_on(async {
        let stream = chunked(&["hel", "", "lo"]).get(URL).await.unwrap().bytes_stream();
        let mut text = String::new();
        stream.map_err(std::io::Error::other).into_async_read().read_to_string(&mut text).await.unwrap();
        text
    });
    assert_eq!(text, "hello");
}

#[test]
fn nothing_after_the_last_byte_of_a_known_length_is_lost() {
    // What a backend gives after five bytes, whose length it has declared, and the slots that are in use after them.
    for (rest, expected, active) in [
        (vec![], vec!["hello"], 0),
        (vec![Ok("")], vec!["hello", ""], 1),
        (vec![Ok("more")], vec!["hello", "more"], 1),
        (vec![Ok("more"), Ok("and more")], vec!["hello", "more", "and more"], 1),
        (vec![Err("broken")], vec!["hello", "broken"], 1),
        (vec![Ok("more"), Err("broken")], vec!["hello", "more", "broken"], 1),
    ] {
        let case = format!("{rest:?}");
        let backend = MockBackend::new(move |request| {
            let url = request.url().clone();
            let pieces = std::iter::once(Ok("hello")).chain(rest.clone());
            let body = Body::stream(stream::iter(pieces.collect::<Vec<_>>())).with_length(5);
            Box::pin(async move { Ok(Response::new(StatusCode::OK, url, body)) })
        });
        let client = Client::builder().backend(backend).build().unwrap();
        let mut stream = block_on(client.get(URL).send()).unwrap().bytes_stream();
        let mut pieces = Vec::new();
        while let Some(item) = block_on(stream.next()) {
            pieces.push(match item {
                Ok(chunk) => String::from_utf8(chunk.to_vec()).unwrap(),
                Err(error) => std::error::Error::source(&error).unwrap().to_string(),
            });
            if pieces.len() == 1 {
                assert_eq!(client.stats().active, active, "{case}");
            }
        }
        assert_eq!((pieces, client.stats().active), (expected.into_iter().map(String::from).collect(), 0), "{case}");
    }
}

#[test]
fn pieces_after_the_last_byte_of_a_known_length_end_with_the_request() {
    // A body that never ends and is always ready, whose declared length is a single byte.
    for piece in ["x", ""] {
        for is_closed in [false, true] {
            let backend = MockBackend::new(move |request| {
                let url = request.url().clone();
                let pieces = stream::once(async { "x" }).chain(stream::repeat(piece)).map(Ok::<_, Error>);
                Box::pin(async move { Ok(Response::new(StatusCode::OK, url, Body::stream(pieces).with_length(1))) })
            });
            let timer = ManualTimer::new();
            let client =
                Client::builder().backend(backend).timer(timer.clone()).total_timeout(seconds(9)).build().unwrap();
            let mut stream = block_on(client.get(URL).send()).unwrap().bytes_stream();
            for _ in 0..5 {
                assert!(block_on(stream.next()).unwrap().is_ok());
            }
            let expected = if is_closed {
                client.close_now();
                ErrorKind::Closed
            } else {
                timer.advance(seconds(9));
                ErrorKind::Timeout
            };
            let error = block_on(stream.next()).unwrap().unwrap_err();
            assert_eq!((error.kind(), client.stats().active), (expected, 0), "{piece:?}");
            assert!(block_on(stream.next()).is_none(), "{piece:?}");
        }
    }
}
