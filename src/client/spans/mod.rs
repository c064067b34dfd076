//! A span of `tracing` for each request, with the attributes of OpenTelemetry. Behind the feature `tracing`.

mod attributes;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use tracing::{Span, debug, field, info_span};

use self::attributes::{full_url, is_known, server_address, span_name};
use super::Builder;
use super::request_trace::{RequestFacts, RequestTrace, Step, TraceRequests, TraceSteps, TracedCall, protocol_version};
use crate::error::{Error, ErrorKind};
use crate::message::url::Url;

/// Spans of `tracing`, for [`Builder::spans`](crate::Builder::spans): a span for each request, within the caller's current
/// span.
///
/// The span begins with the call and ends with the response's body, with an error, or when the request is dropped. It
/// covers the queue, all attempts and all redirects. It is the current span of middleware. Its name is `request`, its
/// target begins with `waterspout` and its level is *info*. Its fields have the stable names of the semantic conventions of
/// OpenTelemetry for HTTP clients, so `tracing-opentelemetry` exports it as a client span:
///
/// | Field | Value |
/// |---|---|
/// | `otel.name` | the method, and after it the template of [`url_template`](Self::url_template) |
/// | `otel.kind` | `client` |
/// | `otel.status_code` | `ERROR` for a failed request, or for a status of 400 or above |
/// | `otel.status_description` | the error and its causes |
/// | `http.request.method` | the method, or `_OTHER` if RFC 9110 does not define it |
/// | `http.request.method_original` | the method, if it is `_OTHER` |
/// | `http.request.resend_count` | how often the request was sent again, if it was; [`Event::resends`](crate::Event) |
/// | `http.response.status_code` | the status of the response, once its head has arrived |
/// | `error.type` | [`ErrorKind::code`](crate::ErrorKind::code), `CANCELLED`, or a status of 400 or above |
/// | `url.full` | the requested URL without user name, password, fragment and values of the query |
/// | `url.template` | the template |
/// | `server.address`, `server.port` | host and port of the requested URL |
/// | `network.protocol.version` | `1.1` or `2`, if it is known |
/// | `network.peer.address`, `network.peer.port` | the other end of the connection, if it is known |
///
/// Events of the level *debug* within the span mark its steps: `queued`, `started`, `redirected` with the status and the
/// next URL, `retrying` with the outcome of the attempt and the delay, `head`, and `cancelled`. A body that is dropped
/// before its end cancels the request, and is no error.
///
/// # Platform
/// A browser does not show redirects, the version and the address.
///
/// # Examples
///
/// ```
/// use waterspout::{Client, Spans};
///
/// let client = Client::builder().spans(Spans::new()).build()?;
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Default)]
#[must_use = "spans do nothing until they are given to a client"]
pub struct Spans {
    shows_query: bool,
    template: Option<Arc<Template>>,
}

/// Returns the template of a URL.
type Template = dyn Fn(&Url) -> Option<Cow<'static, str>> + Send + Sync;

impl Spans {
    /// Creates the default spans: all values of queries are hidden, and no URL has a template.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows the values of queries in `url.full`. The values of keys that are known to sign requests stay hidden:
    /// `AWSAccessKeyId`, `Signature`, `sig`, `X-Goog-Signature`, `X-Amz-Signature`, `X-Amz-Credential` and
    /// `X-Amz-Security-Token`. Default: all values are hidden.
    pub fn show_query(mut self) -> Self {
        self.shows_query = true;
        self
    }

    /// Sets the function that returns the template of a URL, such as `/users/{id}`. It becomes `url.template` and a part
    /// of the span's name, so it must have few different values. Default: no URL has a template.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Client, Spans};
    ///
    /// let spans = Spans::new().url_template(|url| match url.path().split('/').nth(1)? {
    ///     "users" => Some("/users/{id}".into()),
    ///     _ => None,
    /// });
    /// let client = Client::builder().spans(spans).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn url_template(
        mut self,
        template: impl Fn(&Url) -> Option<Cow<'static, str>> + Send + Sync + 'static,
    ) -> Self {
        self.template = Some(Arc::new(template));
        self
    }
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spans").field("shows_query", &self.shows_query).finish_non_exhaustive()
    }
}

impl Builder {
    /// Puts each request into a span of `tracing`; see [`Spans`]. Default: no spans. A later call replaces them.
    pub fn spans(self, spans: Spans) -> Self {
        self.with_spans(Box::new(|observer| Box::new(SpanTracer { spans, observer })))
    }
}

/// Makes the spans of a client.
struct SpanTracer {
    spans: Spans,
    /// Reports to the observer, if there is an observer. It is called within the span.
    observer: Option<Box<dyn TraceRequests>>,
}

impl TraceRequests for SpanTracer {
    fn trace(&self, call: &TracedCall<'_>) -> RequestTrace {
        let TracedCall { method, url, .. } = call;
        let template = self.spans.template.as_ref().and_then(|template| template(url));
        let is_known = is_known(method);
        let span = info_span!(
            "request",
            otel.name = span_name(method, template.as_deref()),
            otel.kind = "client",
            otel.status_code = field::Empty,
            otel.status_description = field::Empty,
            http.request.method = if is_known { method.as_str() } else { "_OTHER" },
            http.request.method_original = (!is_known).then(|| method.as_str()),
            http.request.resend_count = field::Empty,
            http.response.status_code = field::Empty,
            "error.type" = field::Empty,
            url.full = full_url(url, self.spans.shows_query),
            url.template = template.as_deref(),
            server.address = server_address(url),
            server.port = url.port(),
            network.protocol.version = field::Empty,
            network.peer.address = field::Empty,
            network.peer.port = field::Empty,
        );
        let observer = self.observer.as_ref().map(|observer| observer.trace(call));
        Box::new(RequestSpan { span, observer, facts: RequestFacts::default(), has_ended: false })
    }
}

/// The span of a request.
struct RequestSpan {
    // Fields are dropped in this order: the observer's last event is within the span.
    observer: Option<RequestTrace>,
    span: Span,
    facts: RequestFacts,
    has_ended: bool,
}

impl TraceSteps for RequestSpan {
    fn step(&mut self, step: Step<'_>) {
        let Self { observer, span, facts, .. } = self;
        facts.record(step);
        span.in_scope(|| {
            match step {
                Step::Queued => debug!("queued"),
                Step::Started { waited } => debug!(waited_ms = millis(waited), resends = facts.resends(), "started"),
                Step::Attempt(_) => {}
                Step::Waiting(attempt) => debug!(
                    http.response.status_code = attempt.status.map(|status| status.as_u16()),
                    "error.type" = attempt.error.map(ErrorKind::code),
                    delay_ms = millis(attempt.delay),
                    "retrying"
                ),
                Step::Head(_) => debug!("head"),
            }
            if let Some(observer) = observer {
                observer.step(step);
            }
        });
        if let Step::Head(_) = step {
            self.record_head();
        }
    }

    fn end(mut self: Box<Self>, error: Option<&Error>) {
        self.has_ended = true;
        self.record_resends();
        if let Some(error) = error {
            self.record_error(error.kind().code());
            self.span.record("otel.status_description", field::display(error.report()));
        }
        if let Some(observer) = self.observer.take() {
            self.span.in_scope(|| observer.end(error));
        }
    }

    fn enter(&self) {
        self.span.with_subscriber(|(id, dispatch)| dispatch.enter(id));
    }

    fn exit(&self) {
        self.span.with_subscriber(|(id, dispatch)| dispatch.exit(id));
    }
}

impl RequestSpan {
    fn record_head(&self) {
        let Self { span, facts, .. } = self;
        if let Some(version) = facts.version.and_then(protocol_version) {
            span.record("network.protocol.version", version);
        }
        if let Some(address) = facts.remote_address {
            span.record("network.peer.address", field::display(address.ip()));
            span.record("network.peer.port", address.port());
        }
        if let Some(status) = facts.status {
            span.record("http.response.status_code", status.as_u16());
            if status.as_u16() >= 400 {
                self.record_error(status.as_str());
            }
        }
    }

    fn record_error(&self, error_type: &str) {
        self.span.record("error.type", error_type);
        self.span.record("otel.status_code", "ERROR");
    }

    fn record_resends(&self) {
        let resends = self.facts.resends();
        if resends > 0 {
            self.span.record("http.request.resend_count", resends);
        }
    }
}

impl Drop for RequestSpan {
    fn drop(&mut self) {
        let observer = self.observer.take();
        if self.has_ended {
            return;
        }
        self.record_resends();
        // After the head, the program has all it asked for: it need not read the body.
        if self.facts.status.is_none() {
            self.record_error(ErrorKind::Cancelled.code());
        }
        self.span.in_scope(|| {
            debug!("cancelled");
            drop(observer);
        });
    }
}

/// Returns whole milliseconds.
fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
