//! Well-formed response bodies, of any size and speed.

use std::sync::Arc;
use std::time::Duration;

use async_io::Timer;
use futures::stream;
use waterspout::testing::{Incoming, Reply};
use waterspout::{Body, Bytes};

use super::state::KeyedState;
use super::{query_number, sleep_ms};

/// Returns the byte at `index` of every generated body.
fn byte_at(index: usize) -> u8 {
    (index % 251) as u8
}

/// Returns `length` bytes of a generated body, from `start`.
pub(super) fn generated(start: usize, length: usize) -> Bytes {
    (start..start + length).map(byte_at).collect()
}

/// `bytes/N`: a body of N bytes with a `content-length`.
pub(super) fn bytes(length: &str) -> Reply {
    Reply::new(200, generated(0, length.parse().unwrap_or(0)))
}

/// `chunks/COUNT/SIZE`: a chunked body of COUNT chunks of SIZE bytes each.
pub(super) fn chunks(argument: &str) -> Reply {
    let (count, size) = argument.split_once('/').unwrap_or((argument, "1"));
    let (count, size) = (count.parse().unwrap_or(0), size.parse().unwrap_or(1));
    let chunks = (0..count).map(move |index| Ok::<_, std::io::Error>(generated(index * size, size)));
    Reply::new(200, Body::stream(stream::iter(chunks)))
}

/// `slow?head=MS&chunks=COUNT&size=BYTES&gap=MS`: the head after `head` milliseconds, then the chunks, with a gap of
/// `gap` milliseconds between them. Both delays default to 0, `chunks` and `size` to 1.
///
/// - With `fail` alone, the status is 503.
/// - With `fail=N&key=KEY`, the status is 503 for the first N requests with that key.
/// - With `capacity=N&group=KEY`, at most N requests of the group wait for their heads at once. Further requests get
///   503 without a delay.
/// - With `length`, the body declares its length instead of being chunked.
pub(super) async fn slow(request: &Incoming, state: &Arc<KeyedState>) -> Reply {
    let slot = state.acquire_slot(request.query("group"), query_number(request, "capacity"));
    let fails = match (request.query("key"), query_number(request, "fail")) {
        _ if slot.is_none() => true,
        (Some(key), Some(count)) => state.should_fail(key, count),
        (_, fail) => fail.is_some(),
    };
    if slot.is_some() {
        sleep_ms(request, "head").await;
    }
    // The group's capacity counts requests that wait for their heads, so the body is sent without the slot.
    drop(slot);
    let status = if fails { 503 } else { 200 };
    let count = query_number(request, "chunks").unwrap_or(1) as usize;
    let size = query_number(request, "size").unwrap_or(1) as usize;
    let gap = Duration::from_millis(query_number(request, "gap").unwrap_or(0));
    let body = Body::stream(stream::unfold(0, move |index| async move {
        if index == count {
            return None;
        }
        if index > 0 && !gap.is_zero() {
            Timer::after(gap).await;
        }
        Some((Ok::<_, std::io::Error>(generated(index * size, size)), index + 1))
    }));
    match request.query("length") {
        Some(_) => Reply::new(status, body.with_length((count * size) as u64)),
        None => Reply::new(status, body),
    }
}
