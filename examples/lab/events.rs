//! Server-sent events that go on after the last one that the client has.

use std::time::Duration;

use async_io::Timer;
use futures::{StreamExt, stream};
use waterspout::testing::{Incoming, Reply};
use waterspout::{Body, Bytes};

use super::number;

/// `events?total=N&burst=N&stay=1`: of all events, as many as there are in a burst, beginning after the one that
/// `last-event-id` names; then the end, in the middle of another event. After the last one, status 204. With `stay` the
/// connection stays open instead; with `gap=MS` each event comes after a while; `retry=MS` is what the server asks for.
///
/// The data is the number of the event, then the request's method and body on a line of their own.
pub(super) async fn answer(request: &mut Incoming) -> Reply {
    let total = number(request, "total").unwrap_or(3);
    let burst = number(request, "burst").unwrap_or(total);
    let last = request.header("last-event-id").and_then(|id| id.parse().ok()).unwrap_or(0);
    if last >= total {
        return Reply::new(204, "");
    }
    let stays = request.query("stay").is_some();
    let method = request.method().to_string();
    let body = request.body().await.unwrap_or_default();
    let body = String::from_utf8_lossy(&body).into_owned();
    let event = move |id: u64| format!("id: {id}\r\nevent: count\r\ndata: {id}\r\ndata: {method} {body}\r\n\r\n");
    let events = (last + 1..=total.min(last + burst)).map(event);
    let retry = number(request, "retry").unwrap_or(1);
    let gap = Duration::from_millis(number(request, "gap").unwrap_or(0));
    let parts = std::iter::once(format!("\u{FEFF}: hello\nretry: {retry}\n\n")).chain(events);
    let end = if stays { None } else { Some("id: 99\ndata: cut short\n".to_owned()) };
    let stream = stream::iter(parts.chain(end).enumerate()).then(move |(index, part)| async move {
        // The first part is no event, and tells the client at once that it is connected.
        if index > 0 && !gap.is_zero() {
            Timer::after(gap).await;
        }
        Ok::<_, std::io::Error>(Bytes::from(part))
    });
    let body = if stays { Body::stream(stream.chain(stream::pending())) } else { Body::stream(stream) };
    Reply::new(200, body).with_header("content-type", "text/event-stream")
}
