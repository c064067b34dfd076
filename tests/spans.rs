//! The spans that `tracing` records for a request.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use waterspout::http::StatusCode;
use waterspout::testing::MockBackend;
use waterspout::{Client, Error, ErrorKind, Phase, Response, Retry, Spans};

/// A subscriber that notes every span with its fields and later values.
#[derive(Clone, Default)]
struct Notes {
    next: Arc<AtomicU64>,
    lines: Arc<Mutex<Vec<String>>>,
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

impl Notes {
    fn note(&self, start: String, fields: impl FnOnce(&mut Line)) {
        let mut line = Line(start);
        fields(&mut line);
        self.lines.lock().unwrap().push(line.0);
    }
}

impl Subscriber for Notes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("waterspout")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        self.note(format!("{id}: {}", span.metadata().name()), |line| span.record(line));
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.note(format!("{}:", span.into_u64()), |line| values.record(line));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn each_attempt_is_a_span_with_its_outcome_and_without_credentials() {
    let count = AtomicUsize::new(0);
    let backend = MockBackend::new(move |request| {
        let outcome = match count.fetch_add(1, Ordering::Relaxed) {
            0 => Err(Error::new(ErrorKind::Io, Phase::Head, "cut")),
            _ => Ok(Response::new(StatusCode::ACCEPTED, request.url().clone(), "")),
        };
        async { outcome }.boxed()
    });
    let retry = Retry::new().base_delay(Duration::ZERO);
    let client = Client::builder().backend(backend).middleware(Spans::new()).retry(retry).build().unwrap();
    let notes = Notes::default();
    tracing::subscriber::with_default(notes.clone(), || {
        block_on(client.get("http://name:secret@example.com/a").send()).unwrap();
    });
    assert_eq!(
        *notes.lines.lock().unwrap(),
        [
            "1: request method=GET url=\"http://example.com/a\" attempt=1",
            "1: error=cut while waiting for the response's head",
            "2: request method=GET url=\"http://example.com/a\" attempt=2",
            "2: status=202",
            "2: version=HTTP/1.1",
        ]
    );
}
