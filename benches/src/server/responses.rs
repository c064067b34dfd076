//! The responses of the server, made once.

use std::borrow::Cow;
use std::sync::OnceLock;

use bytes::Bytes;

use super::connection::Output;
use crate::site;

/// The body of the small response.
pub const SMALL_BODY: &str = "Hello, world!";

/// The small response, with the headers that a usual server sends.
pub const SMALL_RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nserver: bench\r\ndate: Sat, 21 Nov 2026 08:00:00 GMT\r\ncontent-type: text/plain\r\n\
    content-length: 13\r\n\r\nHello, world!";

/// The small response that closes the connection.
const LAST_RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nserver: bench\r\ndate: Sat, 21 Nov 2026 08:00:00 GMT\r\ncontent-type: text/plain\r\n\
    connection: close\r\ncontent-length: 13\r\n\r\nHello, world!";

const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";

/// The length of a large download, in bytes.
pub const LARGE: usize = 64 << 20;

/// The length of an upload, in bytes.
pub const UPLOAD: usize = 16 << 20;

/// The length of a piece of a large download, and of a chunk, in bytes.
const BLOCK: usize = 256 << 10;

const CHUNKED_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// The last chunk of a download in chunks.
const CHUNKED_END: &[u8] = b"0\r\n\r\n";

/// The answer to a request.
pub enum Answer {
    /// Send this now.
    Send(Output),
    /// Send this now, then close the connection.
    SendLast(Output),
    /// Read a body of this length, then send the small response.
    AfterBody(usize),
    /// Send the small response once this number of requests has arrived.
    Held(usize),
}

/// Returns the head of a download with a content-length.
pub fn download_head() -> &'static [u8] {
    static HEAD: OnceLock<Vec<u8>> = OnceLock::new();
    HEAD.get_or_init(|| format!("HTTP/1.1 200 OK\r\ncontent-length: {LARGE}\r\n\r\n").into_bytes())
}

/// Returns the length of a response with a download in chunks, in bytes.
pub fn chunked_length() -> usize {
    CHUNKED_HEAD.len() + LARGE / BLOCK * chunk().len() + CHUNKED_END.len()
}

/// Returns the body of an upload.
pub fn upload_body() -> Bytes {
    static BODY: OnceLock<Bytes> = OnceLock::new();
    BODY.get_or_init(|| vec![b'x'; UPLOAD].into()).clone()
}

/// Returns the answer to a request with this path and the value of its content-length.
pub fn answer(path: &str, content_length: usize) -> Answer {
    match path {
        "/" => Answer::Send(Output::bytes(SMALL_RESPONSE)),
        "/close" => Answer::SendLast(Output::bytes(LAST_RESPONSE)),
        "/large" => Answer::Send(Output { repeated: plain_block(), ..Output::blocks(download_head(), &[]) }),
        "/chunked" => Answer::Send(Output { repeated: chunk(), ..Output::blocks(CHUNKED_HEAD, CHUNKED_END) }),
        "/upload" => Answer::AfterBody(content_length),
        _ => match (path.strip_prefix("/held/").map(str::parse), site::page(path)) {
            (Some(Ok(count)), _) => Answer::Held(count),
            (_, Some(page)) => Answer::Send(Output { head: Cow::Owned(page), ..Output::bytes(&[]) }),
            _ => Answer::Send(Output::bytes(NOT_FOUND)),
        },
    }
}

impl Output {
    fn bytes(head: &'static [u8]) -> Self {
        Self { head: Cow::Borrowed(head), repeated: &[], times: 0, end: &[], sent: 0 }
    }

    fn blocks(head: &'static [u8], end: &'static [u8]) -> Self {
        Self { times: LARGE / BLOCK, end, ..Self::bytes(head) }
    }

    /// Returns the small response.
    pub fn small() -> Self {
        Self::bytes(SMALL_RESPONSE)
    }
}

fn plain_block() -> &'static [u8] {
    static PIECE: OnceLock<Vec<u8>> = OnceLock::new();
    PIECE.get_or_init(|| vec![b'x'; BLOCK])
}

fn chunk() -> &'static [u8] {
    static CHUNK: OnceLock<Vec<u8>> = OnceLock::new();
    CHUNK.get_or_init(|| [format!("{BLOCK:x}\r\n").as_bytes(), plain_block(), b"\r\n"].concat())
}
