//! What a server was asked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::request::Copied;
use super::{Handler, Incoming, Reply};
use crate::runtime::BoxFuture;

/// Records the requests that a handler is given. A clone is another handle of the same.
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
pub struct Recorder(Arc<Mutex<Vec<Entry>>>);

/// A request that was recorded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recorded {
    /// The number of the connection that it came on, from 0.
    pub connection: u64,
    /// Its method.
    pub method: Method,
    /// Path and query, as sent.
    pub target: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as far as it has been read: by the handler, or over after the reply.
    pub body: Bytes,
}

#[derive(Debug)]
struct Entry {
    request: Recorded,
    copied: Copied,
}

impl Recorder {
    /// A recorder that has nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same handler, with its requests recorded as they come.
    pub fn record(&self, handler: impl Handler) -> impl Handler {
        Recording { handler, recorder: self.clone() }
    }

    /// What has been recorded so far, in order.
    pub fn requests(&self) -> Vec<Recorded> {
        let body = |entry: &Entry| Bytes::copy_from_slice(&entry.copied.lock().unwrap_or_else(PoisonError::into_inner));
        self.lock().iter().map(|entry| Recorded { body: body(entry), ..entry.request.clone() }).collect()
    }

    /// Forgets what has been recorded, and returns it.
    pub fn take(&self) -> Vec<Recorded> {
        let requests = self.requests();
        self.lock().drain(..requests.len()).for_each(drop);
        requests
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Recording<H> {
    handler: H,
    recorder: Recorder,
}

impl<H: Handler> Handler for Recording<H> {
    fn handle<'a>(&'a self, request: &'a mut Incoming) -> BoxFuture<'a, Reply> {
        let copied = Copied::default();
        request.copy_to(copied.clone());
        let recorded = Recorded {
            connection: request.connection(),
            method: request.method().clone(),
            target: request.target().to_owned(),
            headers: request.headers().clone(),
            body: Bytes::new(),
        };
        self.recorder.lock().push(Entry { request: recorded, copied });
        self.handler.handle(request)
    }
}
