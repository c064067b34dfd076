//! Well-formed bodies of all sizes and speeds.

use std::time::Duration;

use async_io::Timer;
use futures::stream;
use waterspout::testing::{Incoming, Reply};
use waterspout::{Body, Bytes};

use super::{number, pause};

/// Byte `index` of every generated body.
fn byte(index: usize) -> u8 {
    (index % 251) as u8
}

/// These bytes of a generated body.
pub(super) fn piece(start: usize, length: usize) -> Bytes {
    (start..start + length).map(byte).collect()
}

/// `bytes/N`: N bytes in one piece.
pub(super) fn bytes(length: &str) -> Reply {
    Reply::new(200, piece(0, length.parse().unwrap_or(0)))
}

/// `chunks/COUNT/SIZE`: a chunked body.
pub(super) fn chunks(argument: &str) -> Reply {
    let (count, size) = argument.split_once('/').unwrap_or((argument, "1"));
    let (count, size) = (count.parse().unwrap_or(0), size.parse().unwrap_or(1));
    let pieces = (0..count).map(move |index| Ok::<_, std::io::Error>(piece(index * size, size)));
    Reply::new(200, Body::stream(stream::iter(pieces)))
}

/// `slow?head=MS&chunks=COUNT&size=BYTES&gap=MS&fail=1`: a head after a while, then chunks with gaps between them;
/// with `fail`, status 503.
pub(super) async fn slow(request: &Incoming) -> Reply {
    pause(request, "head").await;
    let status = if request.query("fail").is_some() { 503 } else { 200 };
    let count = number(request, "chunks").unwrap_or(1) as usize;
    let size = number(request, "size").unwrap_or(1) as usize;
    let gap = Duration::from_millis(number(request, "gap").unwrap_or(0));
    let body = Body::stream(stream::unfold(0, move |index| async move {
        if index == count {
            return None;
        }
        if index > 0 && !gap.is_zero() {
            Timer::after(gap).await;
        }
        Some((Ok::<_, std::io::Error>(piece(index * size, size)), index + 1))
    }));
    match request.query("length") {
        Some(_) => Reply::new(status, body.with_length((count * size) as u64)),
        None => Reply::new(status, body),
    }
}
