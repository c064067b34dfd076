//! Records the requests of a server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method, Version};

use super::http2::Http2Config;
use super::request::RestCopy;
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
    /// The number of its stream on the connection, or `None` over HTTP/1.1.
    pub stream: Option<u32>,
    /// The version of HTTP in which it was sent.
    pub version: Version,
    /// Its method.
    pub method: Method,
    /// Path and query, as sent.
    pub target: String,
    /// Its headers, as sent: over HTTP/2 there is usually no `host`.
    pub headers: HeaderMap,
    /// Its body, as far as it was read by the handler or skipped after the reply.
    pub body: Bytes,
    /// The trailers of its body, if the body was read to its end.
    pub trailers: Option<HeaderMap>,
    /// The error code with which the client has reset the stream, if it did so before the end of the reply (RFC 9113,
    /// section 7). Always `None` over HTTP/1.1.
    pub reset: Option<u32>,
}

#[derive(Debug)]
struct RecordedEntry {
    /// The request without what follows its head.
    request: Recorded,
    /// What follows the head. It grows while the request is read.
    rest: RestCopy,
}

impl RecordedEntry {
    fn recorded(&self) -> Recorded {
        let rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        Recorded {
            body: Bytes::copy_from_slice(&rest.body),
            trailers: rest.trailers.clone(),
            reset: rest.reset,
            ..self.request.clone()
        }
    }
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
        self.lock().iter().map(RecordedEntry::recorded).collect()
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
        let copy = RestCopy::default();
        request.copy_rest_to(copy.clone());
        let recorded = Recorded {
            connection: request.connection(),
            stream: request.stream(),
            version: request.version(),
            method: request.method().clone(),
            target: request.target().to_owned(),
            headers: request.headers().clone(),
            body: Bytes::new(),
            trailers: None,
            reset: None,
        };
        // Recorded before the handler runs, so that a handler that never answers is recorded too.
        self.recorder.lock().push(RecordedEntry { request: recorded, rest: copy });
        self.handler.handle(request)
    }

    fn http2(&self) -> Http2Config {
        self.handler.http2()
    }
}
