//! Server-sent events.

use std::future::ready;

use futures::executor::block_on;
use futures::{StreamExt, stream};
use waterspout::http::StatusCode;
use waterspout::{Backend, Body, BoxFuture, Bytes, CallContext, Client, Request, Response, Result};

use crate::memory::Clock;

const EVENTS: usize = 8192;

/// Responds with events of 128 bytes, in pieces that divide some of them.
struct EventSource(Vec<Bytes>);

impl EventSource {
    fn new() -> Self {
        let event = |number| format!("id: {number:06}\nevent: change\ndata: {}\n\n", "x".repeat(95));
        let text: String = (0..EVENTS).map(event).collect();
        assert_eq!(text.len(), 1 << 20);
        Self(text.as_bytes().chunks(16_000).map(Bytes::copy_from_slice).collect())
    }
}

impl Backend for EventSource {
    fn fetch(&self, request: Request, _: CallContext) -> BoxFuture<'_, Result<Response>> {
        let body = Body::stream(stream::iter(self.0.clone().into_iter().map(Ok::<_, std::io::Error>)));
        let builder = Response::builder(StatusCode::OK, request.url()).header("content-type", "text/event-stream");
        Box::pin(ready(builder.body(body)))
    }
}

/// Reads 1 MiB of events.
pub fn parse(count: usize) {
    let builder = Client::builder().backend(EventSource::new()).timer(Clock::default());
    let client = builder.build().expect("valid settings");
    block_on(async {
        for _ in 0..count {
            let events = client.events(Request::get("http://example.com/")).take(EVENTS);
            let bytes = events.fold(0, |sum, event| ready(sum + event.expect("an event").data.len())).await;
            assert_eq!(bytes, EVENTS * 95);
        }
    });
}
