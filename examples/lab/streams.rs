//! The experiments of `faults` on a stream of HTTP/2: the same faults and rarities, made of frames.

use futures::stream;
use waterspout::testing::{Fault, Incoming, Reply};
use waterspout::{Body, Bytes};

/// The types and flags of frames (RFC 9113, section 6).
const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;

/// The field `:status` with the value 200 as an index of the static table (RFC 7541, appendix A).
const STATUS_200: u8 = 0x88;

/// Returns the reply of the experiment `name` on a stream. Returns `None` on a connection of HTTP/1.1, and for an
/// experiment that `faults` makes for both protocols.
pub(super) async fn reply(name: &str, request: &mut Incoming) -> Option<Reply> {
    let id = request.stream()?;
    Some(match name {
        // The connection closes within the frame of the head.
        "close-in-head" => {
            let head = frame(HEADERS, END_HEADERS, id, &[STATUS_200; 16]);
            Reply::raw(Bytes::copy_from_slice(&head[..12]))
        }
        // The connection closes before the end of the body.
        "truncated" => only_this(Body::from("only this")).with_header("content-length", "100"),
        "truncated-chunked" => {
            only_this(Body::stream(stream::iter([Ok::<_, std::io::Error>(Bytes::from("only this"))])))
        }
        // The size of the padding exceeds the frame (RFC 9113, section 6.1).
        "bad-chunk" => {
            let head = frame(HEADERS, END_HEADERS, id, &[STATUS_200]);
            Reply::raw([head, frame(DATA, PADDED, id, b"\x0aonly this")].concat())
        }
        "two-lengths" => Reply::text("oops!").with_header("content-length", "4").with_header("content-length", "5"),
        "huge-head" => Reply::text("").with_header("x-filler", &"x".repeat(300_000)),
        // The response is valid, but rare.
        "interim" => {
            // If the stream has ended, the reply fails as well.
            let _ = request.inform(103, &[("link", "</x>")]).await;
            Reply::text("hello")
        }
        "extensions" => Reply::text("hello").with_trailer("x-trailer", "yes"),
        "latin1" => head_with(id, b"x-latin1", b"caf\xe9"),
        "header-bytes" => head_with(id, b"x-bytes", &(0x80..=0xff).collect::<Vec<u8>>()),
        _ => return None,
    })
}

/// Returns a body of 9 bytes. After them the connection closes.
fn only_this(body: Body) -> Reply {
    Reply::new(200, body).with_fault(Fault::close().after_body(9))
}

/// Returns a response without a body, whose head has a field with any bytes. The connection closes after it.
fn head_with(id: u32, name: &[u8], value: &[u8]) -> Reply {
    let mut block = vec![STATUS_200, 0x00];
    for text in [name, value] {
        put_length(&mut block, text.len());
        block.extend_from_slice(text);
    }
    Reply::raw(frame(HEADERS, END_HEADERS | END_STREAM, id, &block))
}

/// Writes the length of a text without Huffman coding: up to 254 in the prefix of 7 bits and a byte (RFC 7541, sections
/// 5.1 and 5.2).
fn put_length(block: &mut Vec<u8>, length: usize) {
    let prefix = length.min(127);
    block.push(prefix as u8);
    if prefix == 127 {
        block.push((length - prefix) as u8);
    }
}

fn frame(kind: u8, flags: u8, id: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(id.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}
