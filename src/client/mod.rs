//! The client: what happens to every request on every platform.
//!
//! A request passes through these files: `call` merges its options over the client's, takes a slot and makes an attempt
//! within the limits. `policies` repeats that if the request has a retry policy. `body` holds the slot and the limits
//! until the response's body ends.

mod body;
mod breaker;
mod builder;
mod call;
mod callbacks;
pub(crate) mod configure;
mod connections;
mod deadline;
mod defaults;
mod download_rate;
mod methods;
pub(crate) mod middleware;
mod observer;
mod policies;
pub(crate) mod queue;
mod queue_options;
mod request_trace;
pub(crate) mod retry;
#[cfg(feature = "tracing")]
mod spans;
mod spawn;
#[cfg(feature = "json")]
mod spawn_json;
#[cfg(feature = "tower")]
mod tower;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::breaker::BreakerPolicy;
pub use self::breaker::CircuitBreaker;
pub use self::builder::Builder;
use self::defaults::DefaultHeaders;
pub use self::observer::{Event, Observer, Stage};
use self::queue::Queue;
pub use self::queue::{OriginStats, Rate, Stats, WaitTimes};
use self::request_trace::TraceRequests;
#[cfg(feature = "tracing")]
pub use self::spans::Spans;
pub use self::spawn::{SendResponse, Spawned};
use crate::backend::Backend;
use crate::client::middleware::MiddlewareChain;
use crate::client::retry::RetryBucket;
use crate::error::{Error, Result};
use crate::message::request::{CallOptions, Request, RequestBuilder, RequestOptions};
use crate::message::response::Response;
use crate::platform::{ClientClock, ClientExecutor};
use crate::runtime::{BoxFuture, Instant, Timer};

/// An HTTP client: a queue, time limits and defaults in front of a [`Backend`].
///
/// A clone is another handle of the same client. A client is `Send` and `Sync` on every platform. It needs no runtime: a
/// request makes progress while its future is polled, by any executor.
///
/// # Cancellation
/// Dropping a request's future, or the response's body, stops the request at once and frees its slot.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::testing::MockBackend;
/// use waterspout::{Client, Result};
///
/// # fn main() -> Result<()> {
/// # futures::executor::block_on(async {
/// let client = Client::builder()
///     .max_active(10)
///     .timeout(Duration::from_secs(20))
/// #   .backend(MockBackend::text("hello"))
///     .build()?;
/// let page = client.get("http://example.com/").header("accept", "text/html").await?;
/// println!("{} {}", page.status(), page.text().await?);
/// # Ok(())
/// # })
/// # }
/// ```
// Behind an `Arc`, since each request's future holds the client that it is sent with.
#[derive(Clone)]
pub struct Client(Arc<ClientInner>);

struct ClientInner {
    queue: Arc<Queue>,
    clock: ClientClock,
    /// Runs the spawned requests.
    executor: ClientExecutor,
    /// Makes the attempts.
    backend: Arc<dyn Backend>,
    /// The default headers, if there are any.
    headers: Option<Box<dyn DefaultHeaders>>,
    /// The defaults of the requests' options. A request without options of its own shares them.
    options: Arc<RequestOptions>,
    middleware: Option<Box<dyn MiddlewareChain>>,
    /// The retry budget of all requests together.
    bucket: Mutex<RetryBucket>,
    breaker: Option<Arc<dyn BreakerPolicy>>,
    /// Reports to the observer, if there is an observer.
    tracer: Option<Box<dyn TraceRequests>>,
}

impl ClientInner {
    fn bucket(&self) -> MutexGuard<'_, RetryBucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// Creates a client with the process's defaults, see [`configure`](crate::tornado::configure()). Without such defaults, it has
    /// the platform's backend and the built-in settings.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    ///
    /// let client = Client::new();
    /// assert_eq!(client.stats().active, 0);
    /// ```
    pub fn new() -> Self {
        Self::builder().assemble()
    }

    /// Returns a builder. Its settings override the process's defaults.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::Client;
    ///
    /// let client = Client::builder().max_active(4).timeout(Duration::from_secs(60)).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn builder() -> Builder {
        configure::apply(Builder::default()).inherit()
    }

    /// Returns how many requests run and wait at this moment, and how long the requests that started had waited.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::FutureExt;
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// let client = Client::builder().max_active(2).backend(MockBackend::pending()).build()?;
    /// let mut requests: Vec<_> = (0..3).map(|_| client.get("http://example.com/").send().boxed()).collect();
    /// for request in &mut requests {
    ///     assert!(request.now_or_never().is_none());
    /// }
    /// let stats = client.stats();
    /// assert_eq!((stats.active, stats.queued), (2, 1));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn stats(&self) -> Stats {
        self.0.queue.stats()
    }

    /// Lets no further request start. Running requests go on and new requests wait. Time limits count meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::FutureExt;
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// client.pause();
    /// let mut request = client.get("http://example.com/").send().boxed();
    /// assert!((&mut request).now_or_never().is_none());
    /// assert!(client.stats().paused);
    ///
    /// client.resume();
    /// assert_eq!(request.now_or_never().unwrap()?.status(), 200);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn pause(&self) {
        self.0.queue.pause(true);
    }

    /// Lets requests start again after [`pause`](Self::pause).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// client.pause();
    /// client.resume();
    /// assert!(!client.stats().paused);
    /// client.get("http://example.com/").await?;
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn resume(&self) {
        self.0.queue.pause(false);
    }

    /// Takes all waiting requests out of the queue and returns how many there were. They fail with
    /// [`Cleared`](crate::ErrorKind::Cleared). Running requests go on.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::FutureExt;
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, ErrorKind};
    ///
    /// let client = Client::builder().max_active(1).backend(MockBackend::pending()).build()?;
    /// let mut running = client.get("http://example.com/").send().boxed();
    /// assert!((&mut running).now_or_never().is_none());
    /// let mut waiting = client.get("http://example.com/").send().boxed();
    /// assert!((&mut waiting).now_or_never().is_none());
    ///
    /// assert_eq!(client.clear(), 1);
    /// assert_eq!(waiting.now_or_never().unwrap().unwrap_err().kind(), ErrorKind::Cleared);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn clear(&self) -> usize {
        self.0.queue.clear()
    }

    /// Closes the client and all its clones. New requests fail with [`Closed`](crate::ErrorKind::Closed); requests that run or
    /// wait are finished. A closed client cannot be opened again.
    ///
    /// If the client is paused, the waiting requests start when it is resumed.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, ErrorKind};
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// client.close();
    /// let error = client.get("http://example.com/").await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Closed);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn close(&self) {
        self.0.queue.close();
    }

    /// Closes the client and all its clones at once. Running and waiting requests, bodies that are being read, and new
    /// requests fail with [`Closed`](crate::ErrorKind::Closed). Their tasks are woken; each stops when it is polled or dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::FutureExt;
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, ErrorKind};
    ///
    /// let client = Client::builder().backend(MockBackend::pending()).build()?;
    /// let mut request = client.get("http://example.com/").send().boxed();
    /// assert!((&mut request).now_or_never().is_none());
    ///
    /// client.close_now();
    /// assert_eq!(request.now_or_never().unwrap().unwrap_err().kind(), ErrorKind::Closed);
    /// assert_eq!(client.stats().active, 0);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn close_now(&self) {
        self.0.queue.close_now();
    }

    /// Sends a request, given as a [`Request`] or as its builder. Returns the response as soon as its head has arrived.
    ///
    /// A status of 400 or above is a response and not an error; see [`Response::error_for_status`].
    ///
    /// A user name and password in the URL are percent-decoded and sent as Basic credentials (RFC 7617). They appear
    /// nowhere else: neither in [`Response::url`] nor in an error. They override an `authorization` header of the client's
    /// defaults, and the request's own `authorization` header overrides them.
    ///
    /// # Errors
    /// If the request is not valid, a time limit passes, or no response arrives.
    ///
    /// # Cancellation
    /// Dropping the future takes a waiting request out of the queue, and stops a running request.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, Request};
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let request = Request::get("http://example.com/page").header("accept", "text/html").build()?;
    /// let response = client.fetch(request).await?;
    /// println!("{} {}", response.status(), response.url());
    /// assert_eq!(response.text().await?, "hello");
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn fetch(&self, request: impl TryInto<Request, Error: Into<Error>>) -> Result<Response> {
        let request = request.try_into().map_err(Into::into)?;
        self.run(request, CallOptions::default()).await
    }

    /// Returns the present time on the client's clock.
    pub(crate) fn now(&self) -> Instant {
        self.0.clock.now()
    }

    /// Completes after `delay` on the client's clock.
    pub(crate) fn sleep(&self, delay: Duration) -> BoxFuture<'static, ()> {
        let clock = &self.0.clock;
        clock.sleep_until(clock.now() + delay)
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("options", &self.0.options)
            .field("stats", &self.0.queue.stats())
            .finish_non_exhaustive()
    }
}

impl RequestBuilder<Client> {
    /// Sends the request; `await` on the builder does the same.
    ///
    /// # Errors
    /// As [`Client::fetch`].
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let response = client.get("http://example.com/").send().await?;
    /// assert_eq!(response.status(), 200);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn send(self) -> Result<Response> {
        let (client, request, call_options) = self.into_parts();
        client.run(request?, call_options).await
    }
}

impl IntoFuture for RequestBuilder<Client> {
    type Output = Result<Response>;
    type IntoFuture = BoxFuture<'static, Result<Response>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
