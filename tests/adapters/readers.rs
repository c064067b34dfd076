//! A response's body as a reader of bytes.

use std::error::Error as _;
use std::io;

use futures::executor::block_on;
use futures::io::{AsyncBufReadExt, AsyncReadExt};
use futures::{AsyncBufRead, AsyncRead, FutureExt, TryStreamExt, stream};
use waterspout::testing::Script;
use waterspout::{Body, BodyReader, Client, Error, ErrorKind};

use crate::support::client::{ScriptedClient, URL, once, scripted, scripted_client, seconds};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
const TRUNCATED: &str = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello";

fn is_a_reader(reader: impl AsyncBufRead + Send + Sync + Unpin + 'static) -> impl AsyncBufRead {
    reader
}

fn reader(wire: &ScriptedClient) -> BodyReader {
    block_on(wire.get().send()).unwrap().into_reader()
}

fn pieces(pieces: &'static [&'static str]) -> Body {
    Body::stream(stream::iter(pieces.iter().map(|piece| Ok::<_, Error>(*piece))))
}

/// Reads with a buffer of `size` bytes to the end.
fn read_in_steps(mut reader: impl AsyncRead + Unpin, size: usize) -> String {
    let mut text = Vec::new();
    let mut buffer = vec![0; size];
    loop {
        let count = block_on(reader.read(&mut buffer)).unwrap();
        if count == 0 {
            return String::from_utf8(text).unwrap();
        }
        text.extend_from_slice(&buffer[..count]);
    }
}

#[test]
fn bytes_are_the_same_for_every_size_of_the_buffer() {
    for size in 1..8 {
        let body = pieces(&["hel", "", "lo wo", "rld"]);
        assert_eq!(read_in_steps(is_a_reader(body.into_reader()), size), "hello world", "{size}");
    }
    assert_eq!(read_in_steps(Body::empty().into_reader(), 3), "");
}

#[test]
fn lines_are_read_across_chunks() {
    let body = format!("{CHUNKED}6\r\none\ntw\r\n6\r\no\nthre\r\n1\r\ne\r\n0\r\n\r\n");
    let wire = scripted([once(body)]);
    let lines = reader(&wire).lines();
    assert_eq!(block_on(lines.try_collect::<Vec<_>>()).unwrap(), ["one", "two", "three"]);
    assert_eq!(wire.client.stats().active, 0);
}

#[test]
fn rest_of_a_reader_is_a_body() {
    let mut reader = pieces(&["hel", "lo"]).into_reader();
    let mut buffer = [0; 1];
    block_on(reader.read_exact(&mut buffer)).unwrap();
    assert_eq!(block_on(reader.into_body().collect(10)).unwrap(), "ello");
    assert_eq!(pieces(&["hello"]).into_reader().into_body().length(), None);
    assert_eq!(Body::from("hello").into_reader().into_body().length(), Some(5));
}

#[test]
fn read_into_an_empty_buffer_does_not_wait() {
    let mut reader = Body::stream(stream::pending::<Result<&str, Error>>()).into_reader();
    assert_eq!(reader.read(&mut []).now_or_never().unwrap().unwrap(), 0);
    assert_eq!(tokio::io::AsyncReadExt::read(&mut reader, &mut []).now_or_never().unwrap().unwrap(), 0);
}

#[test]
fn error_keeps_the_source_and_the_url_and_ends_the_reader() {
    let wire = scripted([once(TRUNCATED)]);
    let mut reader = reader(&wire);
    let mut text = String::new();
    let error = block_on(reader.read_to_string(&mut text)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    let own = error.get_ref().unwrap().downcast_ref::<Error>().unwrap();
    assert_eq!((own.kind(), own.url()), (ErrorKind::ConnectionClosed, Some(URL)));
    assert_eq!(block_on(reader.read(&mut [0; 4])).unwrap(), 0);
}

#[test]
fn kind_of_the_error_tells_a_time_limit_from_malformed_bytes() {
    let malformed = scripted([once(format!("{CHUNKED}zz\r\n"))]);
    let error = block_on(reader(&malformed).read(&mut [0; 4])).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");

    let builder = Client::builder().idle_timeout(seconds(5));
    let silent = scripted_client(builder, [Script::new().expect_head().send(CHUNKED).silence()]);
    let mut reader = reader(&silent);
    let mut buffer = [0; 4];
    assert!(reader.read(&mut buffer).now_or_never().is_none());
    silent.timer.advance(seconds(5));
    let error = reader.read(&mut buffer).now_or_never().unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");

    let disk = Body::stream(stream::iter([Err::<&str, _>(io::Error::other("disk"))]));
    let error = block_on(disk.into_reader().read(&mut buffer)).unwrap_err();
    let own = error.get_ref().unwrap().downcast_ref::<Error>().unwrap();
    assert_eq!((error.kind(), own.source().unwrap().to_string()), (io::ErrorKind::Other, "disk".to_owned()));
}

#[test]
fn dropped_read_loses_no_byte_and_dropped_reader_frees_the_connection() {
    let script = Script::new().expect_head().send(format!("{CHUNKED}5\r\nhello\r\n")).silence();
    let wire = scripted([script]);
    let mut reader = reader(&wire);
    let mut buffer = [0; 3];
    assert_eq!(block_on(reader.read(&mut buffer)).unwrap(), 3);
    let mut rest = [0; 9];
    drop(reader.read_exact(&mut rest).now_or_never());
    assert_eq!((wire.client.stats().active, wire.connector.open()), (1, 1));
    drop(reader);
    assert_eq!((wire.client.stats().active, wire.connector.open()), (0, 0));
}

#[cfg(feature = "tokio")]
mod of_tokio {
    use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

    use super::*;

    fn is_a_reader(reader: impl AsyncBufRead + Send + Unpin + 'static) -> impl AsyncRead + Unpin {
        reader
    }

    #[test]
    fn tokio_reads_the_same_bytes_for_every_size_of_the_buffer() {
        for size in 1..8 {
            let mut reader = is_a_reader(pieces(&["hel", "", "lo wo", "rld"]).into_reader());
            let mut text = Vec::new();
            loop {
                let mut bytes = vec![0; size];
                let mut buffer = ReadBuf::new(&mut bytes);
                block_on(std::future::poll_fn(|cx| std::pin::Pin::new(&mut reader).poll_read(cx, &mut buffer)))
                    .unwrap();
                if buffer.filled().is_empty() {
                    break;
                }
                text.extend_from_slice(buffer.filled());
            }
            assert_eq!(text, b"hello world");
        }
    }

    #[test]
    fn reader_of_a_response_is_the_body_of_the_next_request() {
        let wire =
            scripted([once("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"), once(crate::support::client::HELLO)]);
        let body = Body::tokio_reader(reader(&wire)).with_length(5);
        block_on(wire.client.put("http://other.example/").body(body).send()).unwrap();
        assert!(wire.sent(1).ends_with("content-length: 5\r\n\r\nhello"), "{}", wire.sent(1));
    }
}
