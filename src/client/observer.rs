//! Who wants to know what becomes of requests, and what they are told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::queue::Acquire;
use super::send::Follow;
use crate::error::ErrorKind;
use crate::message::request::PriorityHandle;
use crate::message::url::Url;
use crate::runtime::{Instant, Timer};

/// Told of each step of each request of a client; any closure that takes an [`Event`] is one.
///
/// It is called outside of all locks, by whoever polls or drops the request, so it may use the client; it should be
/// quick, since the request waits for it. The events of one request come in order. Natively those of several may come
/// from several threads at once.
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
    /// Called at each step.
    fn event(&self, event: &Event<'_>);
}

impl<F: Fn(&Event<'_>) + Send + Sync + 'static> Observer for F {
    fn event(&self, event: &Event<'_>) {
        self(event);
    }
}

/// A step in a request's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// It waits for a slot; a request that need not has no such step.
    Queued,
    /// It has a slot, and its attempt begins.
    Started,
    /// An attempt failed, its slot is free, and it waits before it is tried again; then it is queued or started anew.
    Waiting,
    /// The head of its response is here.
    Head,
    /// Its response's body has been read to the end. Nothing follows.
    Done,
    /// It failed, before its head or within its body. Nothing follows.
    Failed,
    /// It was dropped, or its response's body was, before the end. Nothing follows.
    Cancelled,
}

/// What an [`Observer`] is told.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The request's number, from 1, in the order in which requests came to the client.
    pub id: u64,
    /// What happened.
    pub stage: Stage,
    /// The request's URL, without user name and password.
    pub url: &'a str,
    /// The request's origin: the beginning of its URL.
    pub origin: &'a str,
    /// The request's priority at this moment.
    pub priority: i16,
    /// When, on the client's timer.
    pub at: Instant,
    /// Why it failed, if it did.
    pub error: Option<ErrorKind>,
}

/// A client's observer.
pub(crate) struct Watcher {
    observer: Arc<dyn Observer>,
    timer: Arc<dyn Timer>,
    seen: AtomicU64,
}

impl Watcher {
    pub(crate) fn new(observer: Arc<dyn Observer>, timer: &Arc<dyn Timer>) -> Self {
        Self { observer, timer: timer.clone(), seen: AtomicU64::new(0) }
    }

    /// Begins to watch a request.
    pub(crate) fn watch(self: &Arc<Self>, url: &Url, priority: i16, handle: Option<&PriorityHandle>) -> Trace {
        Trace {
            watcher: self.clone(),
            id: self.seen.fetch_add(1, Ordering::Relaxed) + 1,
            url: url.redacted().into(),
            origin: url.origin_text().len(),
            priority,
            handle: handle.cloned(),
            over: false,
        }
    }
}

/// A request that is watched: it says what happens, and at the latest when dropped that it is over.
pub(crate) struct Trace {
    watcher: Arc<Watcher>,
    id: u64,
    url: Box<str>,
    /// How much of the URL is the origin.
    origin: usize,
    priority: i16,
    handle: Option<PriorityHandle>,
    over: bool,
}

impl Trace {
    /// Tells a step after which there are others.
    pub(crate) fn step(&self, stage: Stage) {
        self.tell(stage, None);
    }

    /// Tells the end: done, or why not.
    pub(crate) fn end(mut self, error: Option<ErrorKind>) {
        self.over = true;
        self.tell(if error.is_some() { Stage::Failed } else { Stage::Done }, error);
    }

    fn tell(&self, stage: Stage, error: Option<ErrorKind>) {
        let Self { watcher, id, url, .. } = self;
        let event = Event {
            id: *id,
            stage,
            url,
            origin: url.get(..self.origin).unwrap_or(url),
            priority: self.handle.as_ref().and_then(PriorityHandle::get).unwrap_or(self.priority),
            at: watcher.timer.now(),
            error,
        };
        watcher.observer.event(&event);
    }
}

/// A request on its way through the queue: who watches it, and who may move it.
pub(crate) struct Follower<'a> {
    pub(crate) trace: Option<&'a Trace>,
    pub(crate) handle: Option<&'a PriorityHandle>,
}

impl Follow for Follower<'_> {
    fn queued(&self, waiting: &Acquire<'_>) {
        if let Some((handle, queued)) = self.handle.and_then(|handle| Some((handle, waiting.queued_request()?))) {
            handle.attach(Arc::new(move |priority| queued.prioritize(priority)));
        }
        self.trace.into_iter().for_each(|trace| trace.step(Stage::Queued));
    }

    fn started(&self) {
        self.trace.into_iter().for_each(|trace| trace.step(Stage::Started));
    }

    fn waiting(&self) {
        self.trace.into_iter().for_each(|trace| trace.step(Stage::Waiting));
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        if !self.over {
            self.tell(Stage::Cancelled, None);
        }
    }
}
