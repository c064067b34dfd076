//! Observers: an event at each step of each request of a client.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Method, StatusCode, Version};

use super::request_trace::{self, RequestFacts, RequestTrace, Step, TraceRequests, TraceSteps, TracedCall};
use crate::error::{Error, ErrorKind, Timeout};
use crate::message::request::CallPriority;
use crate::message::url::Scheme;
use crate::runtime::{Instant, Timer};

/// Is called at each step of each request of a client. Any closure that takes an [`Event`] is an observer.
///
/// It is called while the request is polled or dropped, and never with a lock held, so it may use the client. It should
/// return quickly, because the request waits for it. The events of a request come in order. Natively, the events of
/// several requests may come from several threads at once.
///
/// # Examples
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use waterspout::testing::MockBackend;
/// use waterspout::{Client, Event, Stage};
///
/// # futures::executor::block_on(async {
/// let stages = Arc::new(Mutex::new(Vec::new()));
/// let seen = stages.clone();
/// let client = Client::builder()
///     .observer(move |event: &Event<'_>| seen.lock().unwrap().push(event.stage))
/// #   .backend(MockBackend::text(""))
///     .build()?;
/// client.get("http://example.com/").await?;
/// assert_eq!(*stages.lock().unwrap(), [Stage::Started, Stage::Head, Stage::Done]);
/// # Ok::<(), waterspout::Error>(())
/// # }).unwrap();
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Is called at each step.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, Event, Observer, Stage};
    ///
    /// /// Counts the requests that ended well.
    /// #[derive(Clone, Default)]
    /// struct Completed(Arc<AtomicUsize>);
    ///
    /// impl Observer for Completed {
    ///     fn event(&self, event: &Event<'_>) {
    ///         if event.stage == Stage::Done {
    ///             self.0.fetch_add(1, Ordering::Relaxed);
    ///         }
    ///     }
    /// }
    ///
    /// let completed = Completed::default();
    /// let client = Client::builder().observer(completed.clone()).backend(MockBackend::text("")).build()?;
    /// futures::executor::block_on(client.get("http://example.com/").send())?;
    /// assert_eq!(completed.0.load(Ordering::Relaxed), 1);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    fn event(&self, event: &Event<'_>);
}

impl<F: Fn(&Event<'_>) + Send + Sync + 'static> Observer for F {
    fn event(&self, event: &Event<'_>) {
        self(event);
    }
}

/// A step of a request.
///
/// # Examples
///
/// A failed request and its retry:
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use std::time::Duration;
/// use waterspout::testing::MockBackend;
/// use waterspout::{Client, Error, ErrorKind, Event, Phase, Retry, Stage};
///
/// let backend = MockBackend::new(|_| {
///     Box::pin(async { Err(Error::new(ErrorKind::Io, Phase::Head, "connection reset")) })
/// });
/// let stages = Arc::new(Mutex::new(Vec::new()));
/// let seen = stages.clone();
/// let client = Client::builder()
///     .retry(Retry::new().attempts(2).base_delay(Duration::ZERO))
///     .observer(move |event: &Event<'_>| seen.lock().unwrap().push(event.stage))
///     .backend(backend)
///     .build()?;
/// futures::executor::block_on(client.get("http://example.com/").send()).unwrap_err();
/// assert_eq!(*stages.lock().unwrap(), [Stage::Started, Stage::Waiting, Stage::Started, Stage::Failed]);
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// The request waits for a slot. A request that gets a slot at once has no such step.
    Queued,
    /// The request has a slot, and an attempt begins.
    Started,
    /// An attempt failed and the request waits before a retry, without a slot. `Queued` or `Started` follows.
    Waiting,
    /// The head of the response has arrived.
    Head,
    /// The body of the response has been read to the end. No step follows.
    Done,
    /// The request failed, before the head or within the body of the response. No step follows.
    Failed,
    /// The request, or the body of its response, was dropped before the end. No step follows.
    Cancelled,
}

/// A step of a request, with what is known about the request at that moment; the argument of an [`Observer`].
///
/// # Examples
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use waterspout::testing::MockBackend;
/// use waterspout::{Client, Event};
///
/// let log = Arc::new(Mutex::new(Vec::new()));
/// let lines = log.clone();
/// let client = Client::builder()
///     .observer(move |event: &Event<'_>| {
///         lines.lock().unwrap().push(format!("{} {:?} {}", event.id, event.stage, event.url));
///     })
///     .backend(MockBackend::text(""))
///     .build()?;
/// futures::executor::block_on(client.get("http://user:secret@example.com/a?key=7").send())?;
/// assert_eq!(log.lock().unwrap()[0], "1 Started http://example.com/a?key=***");
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The number of the request, from 1, in the order in which requests reached the client.
    pub id: u64,
    /// The step.
    pub stage: Stage,
    /// The request's method.
    pub method: &'a Method,
    /// The request's URL for a log: without user name and password, and with `***` in place of the values of its query
    /// and of its fragment.
    pub url: &'a str,
    /// The request's origin: the beginning of its URL.
    pub origin: &'a str,
    /// The request's priority at this moment.
    pub priority: i16,
    /// The time of the step, by the client's timer.
    pub at: Instant,
    /// The time since the call, on the client's timer. In the last step it is the duration of the request, its queue
    /// wait, all attempts and the body included.
    pub elapsed: Duration,
    /// The wait for the first slot; `None` before the request has a slot.
    pub queue_wait: Option<Duration>,
    /// How often the request was sent again, for any reason: a retry, a redirect, a challenge, or a connection that the
    /// server had closed. A browser shows only retries.
    pub resends: u32,
    /// The status of the response, from [`Stage::Head`] on. In [`Stage::Waiting`], the status that the failed attempt got.
    pub status: Option<StatusCode>,
    /// The version of HTTP of the response, from [`Stage::Head`] on. A browser and a mock do not show it: there it is
    /// `None`.
    pub version: Option<Version>,
    /// The address of the other end of the connection, from [`Stage::Head`] on: the server, or a proxy in between. A
    /// browser does not show it.
    pub remote_address: Option<SocketAddr>,
    /// The kind of the error, if the request failed. In [`Stage::Waiting`], the kind of the attempt's error.
    pub error: Option<ErrorKind>,
    /// The limit that passed, if the request failed because of a limit.
    pub timeout: Option<Timeout>,
}

impl<'a> Event<'a> {
    /// Returns the host of the request's URL, an IPv6 address without brackets: `server.address` of OpenTelemetry.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, Event};
    ///
    /// let client = Client::builder()
    ///     .observer(|event: &Event<'_>| {
    ///         assert_eq!((event.server_address(), event.server_port()), ("::1", 8080));
    ///     })
    ///     .backend(MockBackend::text("hello"))
    ///     .build()?;
    /// futures::executor::block_on(client.get("http://[::1]:8080/").send())?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn server_address(&self) -> &'a str {
        let host = match self.authority().rsplit_once(':') {
            // The colon of an IPv6 address is no separator.
            Some((host, port)) if !port.ends_with(']') => host,
            _ => self.authority(),
        };
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Returns the port of the request's URL, or the default port of its scheme: `server.port` of OpenTelemetry.
    pub fn server_port(&self) -> u16 {
        let port = self.authority().rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let default = if self.origin.starts_with("https:") { Scheme::Https } else { Scheme::Http };
        port.unwrap_or(default.default_port())
    }

    /// Returns `network.protocol.version` of OpenTelemetry, such as `1.1` and `2`; `None` if it is not known.
    pub fn protocol_version(&self) -> Option<&'static str> {
        self.version.and_then(request_trace::protocol_version)
    }

    /// Returns `error.type` of OpenTelemetry: [`ErrorKind::code`] of a failed request, `CANCELLED` for a request that was
    /// dropped before its head, or a status of 400 or above as text. `None` for any other request.
    pub fn error_type(&self) -> Option<&str> {
        match (self.error, &self.status) {
            (Some(error), _) => Some(error.code()),
            (None, Some(status)) => (status.as_u16() >= 400).then(|| status.as_str()),
            (None, None) => (self.stage == Stage::Cancelled).then(|| ErrorKind::Cancelled.code()),
        }
    }

    /// Returns the origin without its scheme.
    fn authority(&self) -> &'a str {
        self.origin.split_once("://").map_or(self.origin, |(_, authority)| authority)
    }
}

/// A client's observer, with what its events need.
pub(crate) struct Tracer {
    observer: Arc<dyn Observer>,
    timer: Arc<dyn Timer>,
    /// Number of requests so far.
    count: AtomicU64,
}

impl Tracer {
    pub(crate) fn new(observer: Arc<dyn Observer>, timer: &Arc<dyn Timer>) -> Self {
        Self { observer, timer: timer.clone(), count: AtomicU64::new(0) }
    }
}

impl TraceRequests for Arc<Tracer> {
    fn trace(&self, call: &TracedCall<'_>) -> RequestTrace {
        Box::new(RequestEvents {
            tracer: self.clone(),
            // Relaxed: the number has to be unique, and orders no other memory access.
            id: self.count.fetch_add(1, Ordering::Relaxed) + 1,
            method: call.method.clone(),
            url: call.url.redacted().into(),
            origin: call.url.origin_text().len(),
            priority: call.priority,
            handle: call.handle.cloned(),
            called_at: call.called_at,
            facts: RequestFacts::default(),
            has_ended: false,
        })
    }
}

// The request owns it and sends its events while it is polled or dropped. If the request that frees a slot sent the
// events of the next, they could come out of order on several threads, or with a lock held.
struct RequestEvents {
    tracer: Arc<Tracer>,
    id: u64,
    method: Method,
    url: Box<str>,
    /// Length of the origin, which is the beginning of the URL.
    origin: usize,
    priority: i16,
    /// A priority that the caller can change. It comes before `priority`.
    handle: Option<Arc<dyn CallPriority>>,
    called_at: Instant,
    facts: RequestFacts,
    has_ended: bool,
}

/// Why a request or an attempt has failed.
#[derive(Clone, Copy, Default)]
struct Failure {
    kind: Option<ErrorKind>,
    /// The status that a failed attempt got.
    status: Option<StatusCode>,
    timeout: Option<Timeout>,
}

impl TraceSteps for RequestEvents {
    fn step(&mut self, step: Step<'_>) {
        self.facts.record(step);
        let mut failure = Failure::default();
        let stage = match step {
            Step::Queued => Stage::Queued,
            Step::Started { .. } => Stage::Started,
            // The slot came with `Started`.
            Step::Attempt(_) => return,
            Step::Waiting(attempt) => {
                failure = Failure { kind: attempt.error, status: attempt.status, timeout: None };
                Stage::Waiting
            }
            Step::Head(_) => Stage::Head,
        };
        self.send(stage, failure);
    }

    fn end(mut self: Box<Self>, error: Option<&Error>) {
        self.has_ended = true;
        let (kind, timeout) = (error.map(Error::kind), error.and_then(Error::timeout));
        let failure = Failure { kind, status: None, timeout };
        self.send(if error.is_some() { Stage::Failed } else { Stage::Done }, failure);
    }
}

impl RequestEvents {
    fn send(&self, stage: Stage, failure: Failure) {
        let Self { tracer, id, method, url, facts, .. } = self;
        let at = tracer.timer.now();
        let event = Event {
            id: *id,
            stage,
            method,
            url,
            origin: url.get(..self.origin).unwrap_or(url),
            priority: self.handle.as_ref().and_then(|handle| handle.present()).unwrap_or(self.priority),
            at,
            elapsed: at.since(self.called_at),
            queue_wait: facts.queue_wait,
            resends: facts.resends(),
            status: facts.status.or(failure.status),
            version: facts.version,
            remote_address: facts.remote_address,
            error: failure.kind,
            timeout: failure.timeout,
        };
        tracer.observer.event(&event);
    }
}

impl Drop for RequestEvents {
    fn drop(&mut self) {
        if !self.has_ended {
            self.send(Stage::Cancelled, Failure::default());
        }
    }
}
