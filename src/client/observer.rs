//! Observers: an event at each step of each request of a client.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::ErrorKind;
use crate::message::request::CallPriority;
use crate::message::url::Url;
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
    /// The request's URL for a log: without user name and password, and with `***` in place of the values of its query
    /// and of its fragment.
    pub url: &'a str,
    /// The request's origin: the beginning of its URL.
    pub origin: &'a str,
    /// The request's priority at this moment.
    pub priority: i16,
    /// The time of the step, by the client's timer.
    pub at: Instant,
    /// The kind of the error, if the request failed.
    pub error: Option<ErrorKind>,
}

/// What gives each request of a client its trace.
///
/// A trait object that only [`Builder::observer`](crate::Builder::observer) creates, so that a program without an
/// observer does not link the events. `RetryPolicy` says what the idiom saves in all.
pub(super) trait TraceRequests: Send + Sync {
    /// Gives a new request its number and its trace.
    fn trace(&self, url: &Url, priority: i16, handle: Option<&Arc<dyn CallPriority>>) -> RequestTrace;
}

/// The events of a request. If it is dropped before the end, it sends [`Stage::Cancelled`].
pub(super) struct RequestTrace(Box<dyn SendEvents>);

impl RequestTrace {
    /// Sends the event of a step that is not the last.
    pub(super) fn step(&self, stage: Stage) {
        self.0.step(stage);
    }

    /// Sends the last event: `Failed` if there is an error, else `Done`.
    pub(super) fn end(self, error: Option<ErrorKind>) {
        self.0.end(error);
    }
}

/// The events of a request, which only a [`Tracer`] makes.
trait SendEvents: Send + Sync {
    fn step(&self, stage: Stage);

    fn end(self: Box<Self>, error: Option<ErrorKind>);
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
    fn trace(&self, url: &Url, priority: i16, handle: Option<&Arc<dyn CallPriority>>) -> RequestTrace {
        RequestTrace(Box::new(RequestEvents {
            tracer: self.clone(),
            // Relaxed: the number has to be unique, and orders no other memory access.
            id: self.count.fetch_add(1, Ordering::Relaxed) + 1,
            url: url.redacted().into(),
            origin: url.origin_text().len(),
            priority,
            handle: handle.cloned(),
            has_ended: false,
        }))
    }
}

// The request owns it and sends its events while it is polled or dropped. If the request that frees a slot sent the
// events of the next, they could come out of order on several threads, or with a lock held.
struct RequestEvents {
    tracer: Arc<Tracer>,
    id: u64,
    url: Box<str>,
    /// Length of the origin, which is the beginning of the URL.
    origin: usize,
    priority: i16,
    /// A priority that the caller can change. It comes before `priority`.
    handle: Option<Arc<dyn CallPriority>>,
    has_ended: bool,
}

impl SendEvents for RequestEvents {
    fn step(&self, stage: Stage) {
        self.send(stage, None);
    }

    fn end(mut self: Box<Self>, error: Option<ErrorKind>) {
        self.has_ended = true;
        self.send(if error.is_some() { Stage::Failed } else { Stage::Done }, error);
    }
}

impl RequestEvents {
    fn send(&self, stage: Stage, error: Option<ErrorKind>) {
        let Self { tracer, id, url, .. } = self;
        let event = Event {
            id: *id,
            stage,
            url,
            origin: url.get(..self.origin).unwrap_or(url),
            priority: self.handle.as_ref().and_then(|handle| handle.present()).unwrap_or(self.priority),
            at: tracer.timer.now(),
            error,
        };
        tracer.observer.event(&event);
    }
}

impl Drop for RequestEvents {
    fn drop(&mut self) {
        if !self.has_ended {
            self.send(Stage::Cancelled, None);
        }
    }
}
