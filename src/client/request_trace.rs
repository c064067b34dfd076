//! What a call reports about itself, for the observer and the span of its request.
//!
//! Only [`Builder::observer`](crate::Builder::observer) and `Builder::spans` create what is behind these traits, so that a
//! program without both does not link it. `RetryPolicy` says what the idiom saves in all.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode, Version};

use crate::error::{Attempt, Error};
use crate::message::progress::Progress;
use crate::message::request::CallPriority;
use crate::message::response::Response;
use crate::message::url::Url;
use crate::runtime::Instant;

/// Gives each request of a client its trace.
pub(super) trait TraceRequests: Send + Sync {
    fn trace(&self, call: &TracedCall<'_>) -> RequestTrace;
}

/// What is known about a request when it begins.
pub(super) struct TracedCall<'a> {
    pub(super) method: &'a Method,
    /// The URL, without the credentials that it had.
    pub(super) url: &'a Url,
    pub(super) priority: i16,
    /// A priority that the caller can change. It comes before `priority`.
    pub(super) handle: Option<&'a Arc<dyn CallPriority>>,
    /// When the limits of the request began to count.
    pub(super) called_at: Instant,
}

/// The trace of a request. If it is dropped before its end, it reports that the request was cancelled.
pub(super) type RequestTrace = Box<dyn TraceSteps>;

/// Receives the steps of a request.
pub(super) trait TraceSteps: Send + Sync {
    /// Receives a step that is not the last.
    fn step(&mut self, step: Step<'_>);

    /// Receives the end of the request.
    fn end(self: Box<Self>, error: Option<&Error>);

    /// Enters the span of the request, until `exit`.
    fn enter(&self) {}

    /// Exits the span of the request.
    fn exit(&self) {}
}

/// Keeps the span of a request entered until it is dropped.
#[must_use = "the span is exited when this is dropped"]
pub(super) struct EnteredSpan<'a>(Option<&'a dyn TraceSteps>);

impl<'a> EnteredSpan<'a> {
    /// Enters the span of the request, if it has a span.
    pub(super) fn enter(trace: Option<&'a RequestTrace>) -> Self {
        let trace = trace.map(|trace| &**trace);
        if let Some(trace) = trace {
            trace.enter();
        }
        Self(trace)
    }
}

impl Drop for EnteredSpan<'_> {
    fn drop(&mut self) {
        if let Some(trace) = self.0 {
            trace.exit();
        }
    }
}

/// A step of a request.
#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    /// The request waits for a slot.
    Queued,
    /// The request has a slot, `waited` after the call.
    Started { waited: Duration },
    /// An attempt begins that reports to this progress.
    Attempt(&'a Progress),
    /// This attempt has ended, and another follows after its delay.
    Waiting(&'a Attempt),
    /// The head of the last attempt's response has arrived.
    Head(&'a Response),
}

/// What the steps of a request have told so far.
#[derive(Default)]
pub(super) struct RequestFacts {
    /// The wait for the first slot.
    pub(super) queue_wait: Option<Duration>,
    /// How often the attempts that have ended sent the request.
    sent_before: u32,
    /// The progress of the present attempt.
    progress: Option<Progress>,
    /// The status of the response, from its head on.
    pub(super) status: Option<StatusCode>,
    pub(super) version: Option<Version>,
    pub(super) remote_address: Option<SocketAddr>,
}

impl RequestFacts {
    /// Takes over what `step` tells.
    pub(super) fn record(&mut self, step: Step<'_>) {
        match step {
            Step::Queued | Step::Waiting(_) => {}
            Step::Started { waited } => {
                self.queue_wait.get_or_insert(waited);
                // Only now, because the request may end before its retry gets a slot.
                if self.progress.is_some() {
                    self.sent_before = self.sent_before.saturating_add(self.sent_in_attempt());
                    self.progress = None;
                }
            }
            Step::Attempt(progress) => self.progress = Some(progress.clone()),
            Step::Head(response) => {
                let info = response.connection_info();
                self.status = Some(response.status());
                // The connection of a server of HTTP/1.0 speaks HTTP/1.1; the response has its own version.
                self.version = info.version.map(|_| response.version());
                self.remote_address = info.remote_address;
            }
        }
    }

    /// Returns how often the present attempt has sent the request. An attempt counts at least once, because most backends
    /// do not count.
    fn sent_in_attempt(&self) -> u32 {
        self.progress.as_ref().map_or(1, |progress| progress.exchange().count().max(1))
    }

    /// Returns how often the request was sent again, for any reason: a retry, a redirect, a challenge, or a connection
    /// that the server had closed.
    pub(super) fn resends(&self) -> u32 {
        self.sent_before.saturating_add(self.sent_in_attempt()) - 1
    }
}

/// Returns the version of the protocol as OpenTelemetry names it, such as `1.1` and `2`.
pub(super) fn protocol_version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_09 => Some("0.9"),
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        Version::HTTP_3 => Some("3"),
        _ => None,
    }
}
