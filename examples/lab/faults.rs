//! Malformed responses, and valid responses that are rare.

use futures::stream;
use waterspout::testing::{Fault, Reply};
use waterspout::{Body, Bytes};

const CORS: &str = "access-control-allow-origin: *\r\n";
const EXPOSE: &[u8] = b"access-control-expose-headers: *\r\n";

/// Returns the reply of the experiment `name`, or `None` if there is no such experiment.
pub(super) fn reply(name: &str) -> Option<Reply> {
    let raw = |headers: &str, rest: &str| Reply::raw(format!("HTTP/1.1 200 OK\r\n{CORS}{headers}\r\n{rest}"));
    Some(match name {
        // The server never answers.
        "silence" => Reply::silence(),
        // A head and the first 5 bytes of the body, then nothing.
        "stall" => {
            let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from("first"))]);
            Reply::new(200, Body::stream(first)).with_fault(Fault::silence().after_body(5))
        }
        // The connection closes before or within the head.
        "close" => Reply::close(),
        "close-in-head" => Reply::raw("HTTP/1.1 200 OK\r\ncontent-le"),
        // The connection closes before the end of the body.
        "truncated" => raw("content-length: 100\r\n", "only this"),
        "truncated-chunked" => raw("transfer-encoding: chunked\r\n", "9\r\nonly this\r\n"),
        // The response is not valid HTTP, or exceeds the limits of clients.
        "garbage" => Reply::raw("SSH-2.0-OpenSSH_9.9\r\n"),
        "bad-chunk" => raw("transfer-encoding: chunked\r\n", "+9\r\nonly this\r\n0\r\n\r\n"),
        "two-lengths" => raw("content-length: 4\r\ncontent-length: 5\r\n", "oops!"),
        "length-and-chunked" => raw("content-length: 4\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n"),
        "bad-header" => raw("no colon here\r\n", ""),
        "huge-head" => raw(&format!("x-filler: {}\r\n", "x".repeat(300_000)), ""),
        // The response is valid, but rare.
        "close-delimited" => Reply::raw(format!("HTTP/1.0 200 OK\r\n{CORS}\r\nuntil the end")),
        "interim" => Reply::raw(format!(
            "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n{CORS}content-length: 5\r\n\r\nhello"
        )),
        "no-reason" => Reply::raw(format!("HTTP/1.1 200\r\n{CORS}content-length: 5\r\n\r\nhello")),
        "extensions" => raw("transfer-encoding: chunked\r\n", "5;name=value\r\nhello\r\n0\r\nx-trailer: yes\r\n\r\n"),
        "no-content" => Reply::new(204, Body::empty()),
        "latin1" => {
            let bytes =
                [b"HTTP/1.1 200 OK\r\nx-latin1: caf\xe9\r\n", CORS.as_bytes(), EXPOSE, b"content-length: 0\r\n\r\n"];
            Reply::raw(bytes.concat())
        }
        // All bytes beyond ASCII in a header.
        "header-bytes" => {
            let bytes: Vec<u8> = (0x80..=0xff).collect();
            let pieces = [
                b"HTTP/1.1 200 OK\r\nx-bytes: ",
                &*bytes,
                b"\r\n",
                CORS.as_bytes(),
                EXPOSE,
                b"content-length: 0\r\n\r\n",
            ];
            Reply::raw(pieces.concat())
        }
        _ => return None,
    })
}
