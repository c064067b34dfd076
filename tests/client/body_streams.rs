//! A response's body as a stream.

use futures::executor::block_on;
use futures::{AsyncReadExt, Stream, StreamExt, TryStreamExt, stream};
use waterspout::http::StatusCode;
use waterspout::testing::MockBackend;
use waterspout::{Body, Bytes, Client, Error, ErrorKind, Response, Result};

use crate::support::client::{URL, once, scripted};

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
