//! The client: what is done for every request on every platform.
//!
//! A request's life: [`Client::fetch`] merges its options over the client's and checks it; `send` waits for a slot
//! and makes the attempt within the limits; `held` ties slot and clock to the response's body.

mod body;
mod breaker;
mod builder;
pub(crate) mod call;
mod client_call;
pub(crate) mod configure;
pub(crate) mod deadline;
mod defaults;
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
use std::future::IntoFuture;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;

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
use crate::error::{Error, Result};
use crate::message::request::{Request, RequestBuilder, RequestOptions};
use crate::message::response::Response;
use crate::message::url::Url;
use crate::platform::ClientSleep;
use crate::runtime::{BoxFuture, Timer};

/// An HTTP client: a queue, time limits and defaults in front of a [`Backend`].
///
/// A clone is another handle of the same client. It is `Send` and `Sync` on every platform, and needs no runtime: a
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
    backend: Arc<dyn Backend>,
    headers: Option<Box<dyn DefaultHeaders>>,
    options: RequestOptions,
    middleware: Vec<Arc<dyn Middleware>>,
    bucket: Mutex<RetryBucket>,
    breaker: Option<Arc<dyn BreakerPolicy>>,
    tracer: Option<Arc<Tracer>>,
}

impl ClientInner {
    fn bucket(&self) -> MutexGuard<'_, RetryBucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// A client with the process's defaults ([`configure`](crate::tornado::configure())), or else the platform's backend and
    /// built-in settings.
    pub fn new() -> Self {
        Self::builder().assemble()
    }

    /// A builder, for settings that win over the process's defaults.
    pub fn builder() -> Builder {
        configure::apply(Builder::default())
    }

    /// A builder of a `GET` request; `await` sends it.
    pub fn get(&self, url: impl TryInto<Url, Error: Into<Error>>) -> RequestBuilder<Self> {
        self.request(Method::GET, url)
    }

    /// A builder of a `HEAD` request; `await` sends it.
    pub fn head(&self, url: impl TryInto<Url, Error: Into<Error>>) -> RequestBuilder<Self> {
        self.request(Method::HEAD, url)
    }

    /// A builder of a `POST` request; `await` sends it.
    pub fn post(&self, url: impl TryInto<Url, Error: Into<Error>>) -> RequestBuilder<Self> {
        self.request(Method::POST, url)
    }

    /// A builder of a `PUT` request; `await` sends it.
    pub fn put(&self, url: impl TryInto<Url, Error: Into<Error>>) -> RequestBuilder<Self> {
        self.request(Method::PUT, url)
    }

    /// A builder of a `PATCH` request; `await` sends it.
    pub fn patch(&self, url: impl TryInto<Url, Error: Into<Error>>) -> RequestBuilder<Self> {
        self.request(Method::PATCH, url)
    }

    /// A builder of a `DELETE` request; `await` sends it.
    pub fn delete(&self, url: impl TryInto<Url, Error: Into<Error>>) -> RequestBuilder<Self> {
        self.request(Method::DELETE, url)
    }

    /// A builder of a request with any method; `await` sends it.
    pub fn request(&self, method: Method, url: impl TryInto<Url, Error: Into<Error>>) -> RequestBuilder<Self> {
        RequestBuilder::new(self.clone(), method, url)
    }

    /// How many requests run and wait at this moment, and how long those that ran had waited.
    pub fn stats(&self) -> Stats {
        self.0.shared.queue.stats()
    }

    /// How many requests run and wait for each origin that has any, by name.
    pub fn origins(&self) -> Vec<OriginStats> {
        self.0.shared.queue.stats().origins
    }

    /// Lets no further request start; those that run go on, new ones wait. Time limits count meanwhile.
    pub fn pause(&self) {
        self.0.shared.queue.pause(true);
    }

    /// Lets requests start again after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.0.shared.queue.pause(false);
    }

    /// Takes all waiting requests out of the queue and returns how many there were. They fail with
    /// [`Cleared`](crate::ErrorKind::Cleared); those that run go on.
    pub fn clear(&self) -> usize {
        self.0.shared.queue.clear()
    }

    /// Closes the client and all its clones: new requests fail with [`Closed`](crate::ErrorKind::Closed), those that run or
    /// wait are finished. It cannot be opened again.
    ///
    /// A client that is paused finishes what waits when it is resumed.
    pub fn close(&self) {
        self.0.shared.queue.close();
    }

    /// Closes the client and all its clones at once: requests that run or wait, and bodies that are being read, fail with
    /// [`Closed`](crate::ErrorKind::Closed), as new requests do. They are woken to notice, and stop when polled or dropped.
    pub fn close_now(&self) {
        self.0.shared.queue.close_now();
    }

    /// Sends a request, or a builder of one, and returns its response as soon as the head is here.
    ///
    /// A status of 400 or above is a response; see [`Response::error_for_status`].
    ///
    /// A user name and password in the URL are sent as Basic credentials (RFC 7617), percent-decoded, and appear
    /// nowhere else: neither in [`Response::url`] nor in an error. An `authorization` header of the request's own wins
    /// over them, and they win over one of the client's defaults.
    ///
    /// # Errors
    /// If the request is not valid, a limit passes, or no response can be had.
    ///
    /// # Cancellation
    /// Dropping the future takes a waiting request out of the queue, and stops a running one.
    pub async fn fetch(&self, request: impl TryInto<Request, Error: Into<Error>>) -> Result<Response> {
        let request = request.try_into().map_err(Into::into)?;
        self.run(request).await
    }

    /// Completes after `delay` on the client's clock.
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

impl RequestBuilder<Client> {
    /// Sends the request; `await` on the builder does the same.
    ///
    /// # Errors
    /// As [`Client::fetch`].
    pub async fn send(self) -> Result<Response> {
        let (client, request) = self.into_parts();
        client.run(request?).await
    }
}

impl IntoFuture for RequestBuilder<Client> {
    type Output = Result<Response>;
    type IntoFuture = BoxFuture<'static, Result<Response>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
