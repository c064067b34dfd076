//! A stream of server-sent events that a client can resume with `last-event-id`.

use std::time::Duration;

use async_io::Timer;
use futures::{StreamExt, stream};
use waterspout::testing::{Incoming, Reply};
use waterspout::{Body, Bytes};

use super::query_number;

/// `events?total=N&burst=N`: events numbered from 1 to `total` (default 3), at most `burst` (default `total`) in each
/// response.
///
/// A response begins after the event that `last-event-id` names. It ends in the middle of a further event, as if the
/// connection had been lost. After the last event the status is 204.
///
/// - With `stay`, the response does not end.
/// - With `gap=MS`, each event is delayed by that many milliseconds.
/// - With `retry=MS`, the server asks the client for that delay before a reconnect (default 1 ms).
///
/// The data of an event is its number, then a line with the request's method and body.
pub(super) async fn reply(request: &mut Incoming) -> Reply {
    let total = query_number(request, "total").unwrap_or(3);
    let burst = query_number(request, "burst").unwrap_or(total);
    let last = request.header("last-event-id").and_then(|id| id.parse().ok()).unwrap_or(0);
    if last >= total {
        return Reply::new(204, "");
    }
    let stays_open = request.query("stay").is_some();
    let method = request.method().to_string();
    let body = request.body().await.unwrap_or_default();
    let body = String::from_utf8_lossy(&body).into_owned();
    let event = move |id: u64| format!("id: {id}\r\nevent: count\r\ndata: {id}\r\ndata: {method} {body}\r\n\r\n");
    let events = (last + 1..=total.min(last + burst)).map(event);
    let retry = query_number(request, "retry").unwrap_or(1);
    let gap = Duration::from_millis(query_number(request, "gap").unwrap_or(0));
    let parts = std::iter::once(format!("\u{FEFF}: hello\nretry: {retry}\n\n")).chain(events);
    let end = if stays_open { None } else { Some("id: 99\ndata: cut short\n".to_owned()) };
    let stream = stream::iter(parts.chain(end).enumerate()).then(move |(index, part)| async move {
        // The first part is a comment, not an event. It is sent at once, so that the client knows it is connected.
        if index > 0 && !gap.is_zero() {
            Timer::after(gap).await;
        }
        Ok::<_, std::io::Error>(Bytes::from(part))
    });
    let body = if stays_open { Body::stream(stream.chain(stream::pending())) } else { Body::stream(stream) };
    Reply::new(200, body).with_header("content-type", "text/event-stream")
}
