//! Well-formed bodies of all sizes and speeds.

use std::sync::Arc;
use std::time::Duration;

use async_io::Timer;
use futures::stream;
use waterspout::testing::{Incoming, Reply};
use waterspout::{Body, Bytes};

use super::memory::Memory;
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

/// `slow?head=MS&chunks=COUNT&size=BYTES&gap=MS`: a head after a while, then chunks with gaps between them. The status is
/// 503 with `fail`; with `fail=N&key=KEY` for the first N requests of that key alone; with `capacity=N&group=KEY`, at once,
/// for those of the group that come while N of it wait for their heads.
pub(super) async fn slow(request: &Incoming, memory: &Arc<Memory>) -> Reply {
    let place = memory.place(request.query("group"), number(request, "capacity"));
    let fails = match (request.query("key"), number(request, "fail")) {
        _ if place.is_none() => true,
        (Some(key), Some(most)) => memory.fails(key, most),
        (_, fail) => fail.is_some(),
    };
    if place.is_some() {
        pause(request, "head").await;
    }
    drop(place);
    let status = if fails { 503 } else { 200 };
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
