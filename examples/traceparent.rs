//! Sends the trace context of the current span as the header `traceparent` (W3C Trace Context, level 1).
//! `cargo run --features testing,tracing --example traceparent` starts a server of its own.
//!
//! A layer gives each span an identifier: a span within another span shares the identifier of its trace, and any other
//! span begins a trace. A middleware writes both into the header. A program that uses `tracing-opentelemetry` has such a
//! layer already; its middleware calls the propagator of OpenTelemetry instead of [`current`].
#![cfg(not(target_family = "wasm"))]

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};

use tracing::span::{Attributes, Id};
use tracing::{Instrument, info_span};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use waterspout::http::HeaderValue;
use waterspout::testing::{Incoming, Reply, Server, handler};
use waterspout::tornado::EventLoop;
use waterspout::{BoxFuture, Client, Middleware, Next, Request, Response, Spans};

/// The identifiers of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TraceContext {
    trace_id: u128,
    span_id: u64,
    /// Whether the caller records the trace: the lowest bit of the flags.
    is_sampled: bool,
}

impl TraceContext {
    /// Begins a trace.
    fn new() -> Self {
        let trace_id = u128::from(random()) << 64 | u128::from(random());
        Self { trace_id, span_id: random(), is_sampled: true }
    }

    /// Makes the context of a span within this span.
    fn child(self) -> Self {
        Self { span_id: random(), ..self }
    }

    /// Reads the header of a caller. Returns `None` for a header that the standard tells to ignore: then a trace begins.
    fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let version = hexadecimal(parts.next()?, 2)?;
        let trace_id = hexadecimal(parts.next()?, 32)?;
        let span_id = hexadecimal(parts.next()?, 16)?;
        let flags = hexadecimal(parts.next()?, 2)?;
        // A later version may add parts. Version 255 is invalid, and so is an identifier of zeros alone.
        let has_more = parts.next().is_some();
        if version == 0xff || (version == 0 && has_more) || trace_id == 0 || span_id == 0 {
            return None;
        }
        Some(Self { trace_id, span_id: u64::try_from(span_id).ok()?, is_sampled: flags & 1 == 1 })
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.is_sampled))
    }
}

/// Reads `length` digits. The standard allows only lower case.
fn hexadecimal(text: &str, length: usize) -> Option<u128> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != length || !text.bytes().all(is_digit) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

/// Returns a random number above 0, from the seed that the standard library takes for each map.
fn random() -> u64 {
    RandomState::new().build_hasher().finish().max(1)
}

/// Gives each span a [`TraceContext`].
struct TraceIds;

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for TraceIds {
    fn on_new_span(&self, _: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let parent = span.parent().and_then(|parent| parent.extensions().get::<TraceContext>().copied());
        span.extensions_mut().insert(parent.map_or_else(TraceContext::new, TraceContext::child));
    }
}

/// Calls `work` with the registry and the identifier of a span.
fn with_registry<T>(span: &tracing::Span, work: impl FnOnce(&Registry, &Id) -> T) -> Option<T> {
    span.with_subscriber(|(id, dispatch)| dispatch.downcast_ref::<Registry>().map(|registry| work(registry, id)))?
}

/// Returns the context of the current span.
fn current() -> Option<TraceContext> {
    with_registry(&tracing::Span::current(), |registry, id| {
        registry.span(id)?.extensions().get::<TraceContext>().copied()
    })?
}

/// Makes `span` a child of the span that a caller has sent.
fn continue_trace(span: &tracing::Span, caller: TraceContext) {
    with_registry(span, |registry, id| {
        if let Some(span) = registry.span(id) {
            span.extensions_mut().replace(caller.child());
        }
    });
}

/// Adds `traceparent` to each attempt, from the span of the request.
struct Traceparent;

impl Middleware for Traceparent {
    fn handle<'a>(&'a self, mut request: Request, next: Next<'a>) -> BoxFuture<'a, waterspout::Result<Response>> {
        // A header of the program's own stays.
        if !request.headers().contains_key("traceparent") {
            if let Some(context) = current() {
                if let Ok(value) = HeaderValue::try_from(context.to_string()) {
                    request.headers_mut().insert("traceparent", value);
                }
            }
        }
        next.run(request)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing::subscriber::set_global_default(Registry::default().with(TraceIds))?;
    // The server answers with the header that it has received.
    let server = Server::start(handler(|request: &mut Incoming| {
        Box::pin(async { Reply::text(request.header("traceparent").unwrap_or_default()) })
    }))?;
    let client = Client::builder().spans(Spans::new()).middleware(Traceparent).build()?;
    let url = server.url("/");
    EventLoop::new().run_sync(async {
        // 1. Outside of any span, each request begins a trace.
        println!("alone: {}", client.get(url.as_str()).await?.text().await?);

        // 2. Two requests within a span belong to a trace.
        let work = async {
            for _ in 0..2 {
                println!("within: {}", client.get(url.as_str()).await?.text().await?);
            }
            Ok::<(), waterspout::Error>(())
        };
        work.instrument(info_span!("work")).await?;

        // 3. A handler continues the trace of its caller, and so do its requests. This caller does not record the trace.
        let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
        let span = info_span!("handler");
        if let Some(caller) = TraceContext::parse(header) {
            continue_trace(&span, caller);
        }
        let text = async { client.get(url.as_str()).await?.text().await }.instrument(span).await?;
        println!("continued: {text}");
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_is_read_as_the_standard_says() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let parsed = TraceContext::parse(&format!("00-{trace}-b7ad6b7169203331-01")).unwrap();
        assert!(parsed.is_sampled);
        assert_eq!(parsed.to_string(), format!("00-{trace}-b7ad6b7169203331-01"));
        // A later version may have more parts; flags that are not known are not sent on.
        let later = TraceContext::parse(&format!("cc-{trace}-b7ad6b7169203331-02-more")).unwrap();
        assert_eq!(later.to_string(), format!("00-{trace}-b7ad6b7169203331-00"));
        for invalid in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceContext::parse(invalid), None, "{invalid}");
        }
    }
}
