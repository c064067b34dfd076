//! The client: what happens to every request on every platform.
//!
//! `call` has a request's life in numbered steps, from the call to the response. `queue` gives slots, `deadline` watches
//! the time limits, `retry` decides about further attempts, and `body` ties the slot and the limits to the response's
//! body.

mod body;
mod breaker;
mod builder;
pub(crate) mod call;
mod client_call;
pub(crate) mod configure;
pub(crate) mod deadline;
mod defaults;
mod fetch;
pub(crate) mod middleware;
mod observer;
pub(crate) mod queue;
pub(crate) mod retry;
mod spawn;
#[cfg(feature = "json")]
mod spawn_json;
pub(crate) mod stop;
#[cfg(feature = "tower")]
mod tower;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::breaker::BreakerPolicy;
pub use self::breaker::CircuitBreaker;
pub use self::builder::Builder;
use self::call::Shared;
use self::defaults::DefaultHeaders;
use self::observer::Tracer;
pub use self::observer::{Event, Observer, Stage};
pub use self::queue::{OriginStats, Rate, Stats, WaitTimes};
pub use self::spawn::{SendResponse, Spawned};
use crate::backend::Backend;
use crate::client::middleware::Middleware;
use crate::client::retry::RetryBucket;
use crate::message::request::RequestOptions;
use crate::platform::ClientSleep;
use crate::runtime::{BoxFuture, Timer};

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
#[derive(Clone)]
pub struct Client(Arc<ClientInner>);

struct ClientInner {
    shared: Shared<ClientSleep>,
    /// Makes the attempts.
    backend: Arc<dyn Backend>,
    /// The default headers, if there are any.
    headers: Option<Box<dyn DefaultHeaders>>,
    /// The defaults of the requests' options.
    options: RequestOptions,
    middleware: Vec<Arc<dyn Middleware>>,
    /// The retry budget of all requests together.
    bucket: Mutex<RetryBucket>,
    breaker: Option<Arc<dyn BreakerPolicy>>,
    /// Reports to the observer, if there is an observer.
    tracer: Option<Arc<Tracer>>,
}

impl ClientInner {
    fn bucket(&self) -> MutexGuard<'_, RetryBucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// Makes a client with the process's defaults ([`configure`](crate::tornado::configure())). Without such defaults it has
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

    /// Returns a builder, whose settings win over the process's defaults.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    ///
    /// let client = Client::builder().max_active(100).build()?;
    /// # let _ = client;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn builder() -> Builder {
        configure::apply(Builder::default())
    }

    /// Returns how many requests run and wait at this moment, and how long the requests that got a slot had waited for
    /// it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::IntoFuture;
    /// use futures::FutureExt;
    /// use waterspout::testing::MockBackend;
    /// use waterspout::Client;
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::pending()).max_active(1).build()?;
    /// let mut first = client.get("http://example.com/1").into_future();
    /// let mut second = client.get("http://example.com/2").into_future();
    /// assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
    /// let stats = client.stats();
    /// assert_eq!((stats.active, stats.queued), (1, 1));
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn stats(&self) -> Stats {
        self.0.shared.queue.stats()
    }

    /// Starts no further requests. Running requests go on, new requests wait. Time limits count meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::MockBackend;
    /// use waterspout::Client;
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// client.pause();
    /// assert!(client.stats().paused);
    /// client.resume();
    /// assert_eq!(client.get("http://example.com/").await?.text().await?, "hello");
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn pause(&self) {
        self.0.shared.queue.pause(true);
    }

    /// Starts requests again after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.0.shared.queue.pause(false);
    }

    /// Takes all waiting requests out of the queue and returns how many there were. They fail with
    /// [`Cleared`](crate::ErrorKind::Cleared). Running requests go on.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// # use waterspout::testing::MockBackend;
    ///
    /// let client = Client::builder()
    /// #   .backend(MockBackend::text(""))
    ///     .build()?;
    /// assert_eq!(client.clear(), 0);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn clear(&self) -> usize {
        self.0.shared.queue.clear()
    }

    /// Closes the client and all its clones. New requests fail with [`Closed`](crate::ErrorKind::Closed). Running and
    /// waiting requests are finished. A closed client cannot be opened again.
    ///
    /// A paused client finishes its waiting requests when it is resumed.
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
        self.0.shared.queue.close();
    }

    /// Closes the client and all its clones at once. Running and waiting requests, bodies that are being read, and new
    /// requests all fail with [`Closed`](crate::ErrorKind::Closed).
    ///
    /// Their tasks are woken; each request stops when it is polled or dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::IntoFuture;
    /// use futures::FutureExt;
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, ErrorKind};
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::pending()).build()?;
    /// let mut request = client.get("http://example.com/").into_future();
    /// assert!(request.as_mut().now_or_never().is_none());
    /// client.close_now();
    /// assert_eq!(request.await.unwrap_err().kind(), ErrorKind::Closed);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn close_now(&self) {
        self.0.shared.queue.close_now();
    }

    /// Waits for `delay` on the client's clock.
    pub(crate) fn sleep(&self, delay: Duration) -> BoxFuture<'static, ()> {
        let clock = &self.0.shared.clock;
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
        f.debug_struct("Client").field("options", &self.0.options).field("stats", &self.stats()).finish_non_exhaustive()
    }
}
