//! Records the requests of a server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::request::BodyCopy;
use super::{Handler, Incoming, Reply};
use crate::runtime::BoxFuture;

/// Records the requests of a handler. A clone is another handle of the same recorder.
///
/// # Examples
///
/// ```
/// use waterspout::testing::{MemoryConnector, ManualTimer, Recorder, Reply, handler};
/// use waterspout::{Agent, Client};
///
/// let recorder = Recorder::new();
/// let server = recorder.record(handler(|_| Box::pin(async { Reply::text("thanks") })));
/// let client = Client::builder().backend(Agent::new(MemoryConnector::new(server), ManualTimer::new())).build()?;
/// futures::executor::block_on(client.post("http://example.com/notes?new").body("a note").send())?;
/// let [request] = &recorder.requests()[..] else { panic!() };
/// assert_eq!((request.method.as_str(), &*request.target, &request.body[..]), ("POST", "/notes?new", &b"a note"[..]));
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Vec<RecordedEntry>>>);

/// A request that was recorded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recorded {
    /// The number of its connection, from 0.
    pub connection: u64,
    /// Its method.
    pub method: Method,
    /// Path and query, as sent.
    pub target: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as far as it was read by the handler or skipped after the reply.
    pub body: Bytes,
}

#[derive(Debug)]
struct RecordedEntry {
    /// The request without its body.
    request: Recorded,
    /// The body, which grows while it is read.
    body: BodyCopy,
}

impl Recorder {
    /// Makes an empty recorder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a handler that records each request and passes it to `handler`.
    pub fn record(&self, handler: impl Handler) -> impl Handler {
        RecordingHandler { handler, recorder: self.clone() }
    }

    /// Returns the recorded requests in the order in which they came.
    pub fn requests(&self) -> Vec<Recorded> {
        let body =
            |entry: &RecordedEntry| Bytes::copy_from_slice(&entry.body.lock().unwrap_or_else(PoisonError::into_inner));
        self.lock().iter().map(|entry| Recorded { body: body(entry), ..entry.request.clone() }).collect()
    }

    /// Removes the recorded requests and returns them.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::{ManualTimer, MemoryConnector, Recorder, Reply, handler};
    /// use waterspout::{Agent, Client};
    ///
    /// let recorder = Recorder::new();
    /// let server = recorder.record(handler(|_| Box::pin(async { Reply::text("thanks") })));
    /// let client = Client::builder().backend(Agent::new(MemoryConnector::new(server), ManualTimer::new())).build()?;
    /// futures::executor::block_on(client.get("http://example.com/first").send())?;
    /// assert_eq!(recorder.take().len(), 1);
    /// assert!(recorder.requests().is_empty());
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn take(&self) -> Vec<Recorded> {
        let requests = self.requests();
        // Only these: further requests may have been recorded since.
        self.lock().drain(..requests.len()).for_each(drop);
        requests
    }

    fn lock(&self) -> MutexGuard<'_, Vec<RecordedEntry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct RecordingHandler<H> {
    handler: H,
    recorder: Recorder,
}

impl<H: Handler> Handler for RecordingHandler<H> {
    fn handle<'a>(&'a self, request: &'a mut Incoming) -> BoxFuture<'a, Reply> {
        let copy = BodyCopy::default();
        request.copy_body_to(copy.clone());
        let recorded = Recorded {
            connection: request.connection(),
            method: request.method().clone(),
            target: request.target().to_owned(),
            headers: request.headers().clone(),
            body: Bytes::new(),
        };
        // Recorded before the handler runs, so that a handler that never answers is recorded too.
        self.recorder.lock().push(RecordedEntry { request: recorded, body: copy });
        self.handler.handle(request)
    }
}
