//! A layer of `tracing` that records spans: their fields, their events and their ends.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// The fields of a span or an event.
pub type Fields = BTreeMap<String, String>;

/// A span as it was recorded.
#[derive(Clone, Debug, Default)]
pub struct RecordedSpan {
    pub name: String,
    pub fields: Fields,
    /// The messages of the events, each with its fields.
    pub events: Vec<String>,
    pub has_ended: bool,
}

impl RecordedSpan {
    /// Returns the value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

/// All spans of the library, by the order of their beginning.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<RecordedSpan>>>);

/// The index of a span in the recorder, in the span's extensions.
struct Index(usize);

#[derive(Default)]
struct Values(Fields);

impl Visit for Values {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl Recorder {
    /// Calls `work` while the spans are recorded.
    pub fn record<T>(&self, work: impl FnOnce() -> T) -> T {
        tracing::subscriber::with_default(Registry::default().with(self.clone()), work)
    }

    pub fn spans(&self) -> Vec<RecordedSpan> {
        self.0.lock().unwrap().clone()
    }

    fn change(&self, index: usize, change: impl FnOnce(&mut RecordedSpan)) {
        change(&mut self.0.lock().unwrap()[index]);
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let metadata = attributes.metadata();
        if !metadata.target().starts_with("waterspout") {
            return;
        }
        let mut values = Values::default();
        attributes.record(&mut values);
        let mut spans = self.0.lock().unwrap();
        context.span(id).unwrap().extensions_mut().insert(Index(spans.len()));
        spans.push(RecordedSpan {
            name: metadata.name().to_owned(),
            fields: values.0,
            events: Vec::new(),
            has_ended: false,
        });
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        if let Some(Index(index)) = context.span(id).unwrap().extensions().get() {
            let mut values = Values::default();
            record.record(&mut values);
            self.change(*index, |span| span.fields.extend(values.0));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(span) = context.event_span(event) else { return };
        if let Some(Index(index)) = span.extensions().get() {
            let mut values = Values::default();
            event.record(&mut values);
            let mut line = values.0.remove("message").unwrap_or_default();
            for (name, value) in values.0 {
                line.push_str(&format!(" {name}={value}"));
            }
            self.change(*index, |span| span.events.push(line));
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if let Some(Index(index)) = context.span(&id).unwrap().extensions().get() {
            self.change(*index, |span| span.has_ended = true);
        }
    }
}
