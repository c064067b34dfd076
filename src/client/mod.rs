//! The client: what is done for every request on every platform.
//!
//! A request's life: [`Client::fetch`] merges its options over the client's and checks it; `send` waits for a slot
//! and makes the attempt within the limits; `held` ties slot and clock to the response's body.

mod alarms;
mod attempts;
mod breaker;
pub(crate) mod clock;
mod deadline;
mod held;
mod limit;
pub(crate) mod queue;
pub(crate) mod send;
#[cfg(feature = "tower")]
mod service;
mod watch;

use std::fmt;
use std::future::IntoFuture;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{Either, select};
use http::{HeaderMap, Method};

use self::alarms::{AlarmTimer, Alarms};
use self::attempts::Attempts;
use self::breaker::Breaker;
pub use self::breaker::CircuitBreaker;
use self::queue::Queue;
use self::send::{Gate, Limits};
use crate::auth;
use crate::backend::Backend;
use crate::configure;
use crate::error::{Error, ErrorKind, Result};
use crate::future::{BoxFuture, MaybeSend};
use crate::middleware::{Hooked, Hooks, Middleware};
use crate::platform;
use crate::promise::{Pending, promise};
use crate::request::{Request, RequestBuilder, RequestOptions, option_setters};
use crate::response::{DEFAULT_BODY_LIMIT, Response};
use crate::retry::{Bucket, RetryBudget};
use crate::runtime::{Executor, Timer};
use crate::url::Url;

/// The longest wait for a connection, for a head and for a piece of a body, unless set otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

/// How many requests run at once, unless set otherwise: Tornado's `max_clients`.
const DEFAULT_MAX_ACTIVE: usize = 10;

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
pub struct Client(Arc<Inner>);

struct Inner {
    gate: Gate<Arc<Alarms>>,
    backend: Arc<dyn Backend>,
    headers: HeaderMap,
    options: RequestOptions,
    middleware: Vec<Arc<dyn Middleware>>,
    bucket: Mutex<Bucket>,
    breaker: Option<Arc<Breaker>>,
}

impl Inner {
    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many requests of a client run and how many wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests that hold a slot.
    pub active: usize,
    /// Requests that wait for one.
    pub queued: usize,
}

impl Client {
    /// A client with the process's defaults ([`configure`](crate::configure())), or else the platform's backend and
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

    /// How many requests run and how many wait, at this moment.
    pub fn stats(&self) -> Stats {
        let (active, queued) = self.0.gate.queue.counts();
        Stats { active, queued }
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

    /// Sends a request on `executor` and calls `callback` there with what came of it: for programs without `async`.
    ///
    /// The callback is called once, never within this call. What is returned completes after it; dropping that changes
    /// nothing.
    ///
    /// # Cancellation
    /// [`Pending::cancel`] stops the request; the callback then gets an error of kind [`Cancelled`](ErrorKind::Cancelled).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, EventLoop, Request};
    ///
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let request = Request::get("http://example.com/");
    /// let done = client.fetch_with(EventLoop::new().executor(), request, |result| match result {
    ///     Ok(response) => println!("{}", response.status()),
    ///     Err(error) => eprintln!("{error}"),
    /// });
    /// # futures::executor::block_on(done)?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn fetch_with(
        &self,
        executor: impl Executor,
        request: impl TryInto<Request, Error: Into<Error>>,
        callback: impl FnOnce(Result<Response>) + MaybeSend + 'static,
    ) -> Pending<()> {
        let (promise, pending) = promise();
        let (client, request) = (self.clone(), request.try_into().map_err(Into::into));
        executor.spawn(Box::pin(async move {
            let fetch = async { client.run(request?).await };
            let result = match select(pin!(promise.cancelled()), pin!(fetch)).await {
                Either::Left(_) => Err(Error::cancelled("the request was cancelled")),
                Either::Right((result, _)) => result,
            };
            callback(result);
            promise.resolve(());
        }));
        pending
    }

    /// Completes after `delay` on the client's clock.
    pub(crate) fn sleep(&self, delay: Duration) -> BoxFuture<'static, ()> {
        let alarms = &self.0.gate.clock;
        AlarmTimer(alarms.clone()).sleep_until(alarms.now() + delay)
    }

    async fn run(&self, mut request: Request) -> Result<Response> {
        auth::take_from_url(&mut request)?;
        let url = request.url().clone();
        self.admitted(request).await.map_err(|error| error.with_url(&url))
    }

    async fn admitted(&self, mut request: Request) -> Result<Response> {
        let Inner { gate, headers, options, .. } = &*self.0;
        for name in headers.keys().filter(|name| !request.headers().contains_key(*name)).cloned().collect::<Vec<_>>() {
            for value in headers.get_all(&name) {
                request.headers_mut().append(&name, value.clone());
            }
        }
        request.validate()?;
        let options = std::mem::take(request.options_mut()).over(options);
        *request.options_mut() = options.clone();

        let on_download = request.on_download().cloned();
        let limits = Limits {
            queue: options.queue_timeout,
            head: options.head_timeout,
            attempt: options.attempt_timeout,
            total: options.timeout,
        };
        let mut attempts = Attempts::new(&self.0, request, options.retry.clone())?;
        let outcome = send::send(gate, limits, &mut attempts).await;
        let (made, progress) = attempts.into_parts();
        let (mut response, hold) = match outcome {
            Ok(answered) => answered,
            Err(error) => return Err(attempts::told(error, made, progress)),
        };
        response.set_attempts(made);
        response.set_body_limit(options.body_limit.unwrap_or(DEFAULT_BODY_LIMIT));
        let progress = progress.unwrap_or_default();
        response.set_progress(progress.clone());
        let total = response.content_length();
        Ok(response.map_body(|body| {
            let body = held::hold(body, hold, options.idle_timeout, progress);
            watch::watch(limit::limit(body, options.stream_limit), on_download, total)
        }))
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

/// Builds a [`Client`].
///
/// [`Client::builder`] begins with the process's defaults ([`configure`](crate::configure())), `Builder::default()` without.
#[derive(Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    max_active: Option<usize>,
    headers: HeaderMap,
    options: RequestOptions,
    backend: Option<Arc<dyn Backend>>,
    timer: Option<Arc<dyn Timer>>,
    middleware: Vec<Arc<dyn Middleware>>,
    budget: RetryBudget,
    breaker: Option<CircuitBreaker>,
}

impl Builder {
    /// Sets how many requests run at once; further ones wait, first come, first served. Default: 10.
    ///
    /// A request runs until its response's body has been read or dropped.
    pub fn max_active(mut self, requests: usize) -> Self {
        self.max_active = Some(requests);
        self
    }

    /// Adds headers that each request sends unless it sets its own of that name.
    pub fn default_headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    fn with_options(mut self, change: impl FnOnce(&mut RequestOptions)) -> Self {
        change(&mut self.options);
        self
    }

    option_setters!();

    /// Sets how many attempts beyond the first all requests together may make. Default: [`RetryBudget::new`].
    pub fn retry_budget(mut self, budget: RetryBudget) -> Self {
        self.budget = budget;
        self
    }

    /// Sets when an origin that fails is left alone. Default: never.
    pub fn circuit_breaker(mut self, breaker: CircuitBreaker) -> Self {
        self.breaker = Some(breaker);
        self
    }

    /// Adds what stands between the client and its backend; the first added is the outermost.
    pub fn middleware(mut self, middleware: impl Middleware) -> Self {
        self.middleware.push(Arc::new(middleware));
        self
    }

    /// Adds what is called before and after each attempt; the first added is the outermost.
    pub fn hooks(self, hooks: impl Hooks) -> Self {
        self.middleware(Hooked(hooks))
    }

    /// Sets what makes the attempts. Default: the platform's own, native sockets or the browser's `fetch`.
    pub fn backend(mut self, backend: impl Backend) -> Self {
        self.backend = Some(Arc::new(backend));
        self
    }

    /// Sets the clock of the time limits. Default: the platform's own.
    pub fn timer(mut self, timer: impl Timer + Clone) -> Self {
        self.timer = Some(Arc::new(timer));
        self
    }

    /// The client.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if `max_active` is zero: nothing could ever run.
    ///
    /// # Platform
    /// Where there is neither a native backend nor a JavaScript engine, one has to be set, and a timer; requests of
    /// a client without fail with [`Unsupported`](ErrorKind::Unsupported).
    pub fn build(self) -> Result<Client> {
        if self.max_active == Some(0) {
            let message = "`max_active` is 0: no request could ever run; the least is 1";
            return Err(Error::request(ErrorKind::InvalidRequest, message));
        }
        Ok(self.assemble())
    }

    fn assemble(self) -> Client {
        let alarms = Alarms::new(self.timer.unwrap_or_else(platform::default_timer));
        let timer: Arc<dyn Timer> = Arc::new(AlarmTimer(alarms.clone()));
        let defaults = RequestOptions {
            connect_timeout: Some(DEFAULT_TIMEOUT),
            head_timeout: Some(DEFAULT_TIMEOUT),
            idle_timeout: Some(DEFAULT_TIMEOUT),
            body_limit: Some(DEFAULT_BODY_LIMIT),
            ..RequestOptions::default()
        };
        Client(Arc::new(Inner {
            backend: self.backend.unwrap_or_else(|| platform::default_backend(&timer)),
            bucket: Mutex::new(Bucket::new(self.budget, alarms.now())),
            breaker: self.breaker.map(|settings| Arc::new(Breaker::new(settings, alarms.clone()))),
            gate: Gate {
                queue: Arc::new(Queue::new(self.max_active.unwrap_or(DEFAULT_MAX_ACTIVE).max(1))),
                clock: alarms,
            },
            headers: self.headers,
            options: self.options.over(&defaults),
            middleware: self.middleware,
        }))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("max_active", &self.max_active)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
