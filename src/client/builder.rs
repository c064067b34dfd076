//! The builder of a client: its settings and their defaults.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderMap;

use super::breaker::{BreakerPolicy, CircuitBreaker, Circuits};
use super::call::Shared;
use super::defaults::DefaultHeaders;
use super::observer::{Observer, Tracer};
use super::queue::{Queue, QueueSettings, Rate};
use super::{Client, ClientInner};
use crate::backend::Backend;
use crate::client::middleware::{Hooked, Hooks, Middleware};
use crate::client::retry::{RetryBucket, RetryBudget};
use crate::error::Result;
use crate::message::request::{RequestOptions, option_setters};
use crate::message::response::DEFAULT_BODY_LIMIT;
use crate::platform::{self, ClientClock};
use crate::runtime::Timer;

/// Default of the limits for connecting, for the response's head, and for the next piece of its body.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

/// Builds a [`Client`].
///
/// [`Client::builder`] starts with the process's defaults, see [`configure`](crate::tornado::configure()).
/// `Builder::default()` starts without them.
///
/// The options of a request, such as [`timeout`](Self::timeout), are the defaults of all requests of the client. A request
/// can override each of them.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::Client;
///
/// let client = Client::builder()
///     .max_active(20)
///     .max_active_per_origin(6)
///     .timeout(Duration::from_secs(30))
///     .build()?;
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    queue: QueueSettings,
    headers: Option<Box<dyn DefaultHeaders>>,
    options: RequestOptions,
    backend: Option<Arc<dyn Backend>>,
    timer: Option<Arc<dyn Timer>>,
    observer: Option<Arc<dyn Observer>>,
    middleware: Vec<Arc<dyn Middleware>>,
    budget: RetryBudget,
    breaker: Option<Box<MakeBreaker>>,
}

/// Creates the circuit breaker. It is called by `build`, when the client's clock is known.
type MakeBreaker = dyn FnOnce(ClientClock) -> Arc<dyn BreakerPolicy> + Send + Sync;

impl Builder {
    /// Sets the number of requests that run at once. Further requests wait. Default: 10.
    ///
    /// A request runs until its response's body has been read or dropped. Waiting requests start in the order of their
    /// [`priority`](Self::priority); among equal priorities, the first to wait starts first.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().max_active(2).backend(MockBackend::text("hello")).build()?;
    /// let urls = ["http://example.com/a", "http://example.com/b", "http://example.com/c"];
    /// // Three requests, of which at most two run at a time.
    /// let requests = urls.map(|url| client.get(url));
    /// let texts = requests.map(|request| async { request.await?.text().await });
    /// assert_eq!(futures::future::try_join_all(texts).await?.len(), 3);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn max_active(mut self, requests: usize) -> Self {
        self.queue.max_active = requests;
        self
    }

    /// Sets the number of requests to the same origin that run at once. Default: as many as `max_active` allows.
    ///
    /// Requests that wait for an origin do not block requests to other origins. The origin is that of the request's URL; a
    /// redirect does not change it.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::FutureExt;
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// let client = Client::builder().max_active_per_origin(1).backend(MockBackend::pending()).build()?;
    /// let urls = ["http://slow.example/1", "http://slow.example/2", "http://other.example/"];
    /// let mut requests = urls.map(|url| client.get(url).send().boxed());
    /// for request in &mut requests {
    ///     assert!(request.now_or_never().is_none());
    /// }
    /// let stats = client.stats();
    /// assert_eq!((stats.active, stats.queued), (2, 1));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn max_active_per_origin(mut self, requests: usize) -> Self {
        self.queue.max_active_per_origin = Some(requests);
        self
    }

    /// Sets the number of requests that may wait for a slot. A further request fails at once with
    /// [`QueueFull`](crate::ErrorKind::QueueFull). Zero means that no request waits. Default: no limit.
    ///
    /// A request that waits before a retry is counted and never fails for this reason.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::FutureExt;
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, ErrorKind};
    ///
    /// let client = Client::builder().max_active(1).max_queued(0).backend(MockBackend::pending()).build()?;
    /// let mut first = client.get("http://example.com/").send().boxed();
    /// assert!((&mut first).now_or_never().is_none());
    ///
    /// let error = client.get("http://example.com/").send().now_or_never().unwrap().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::QueueFull);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn max_queued(mut self, requests: usize) -> Self {
        self.queue.max_queued = Some(requests);
        self.queue.full_message =
            format!("the queue is full: `max_queued` is {requests}, and as many requests wait already").into();
        self
    }

    /// Sets the waiting time that is worth a step of [`priority`](Self::priority), so that no request waits for ever.
    /// Default: 10 s. Zero means that waiting never makes up for priority.
    ///
    /// With 10 s, a request of priority 2 overtakes requests of priority 0 that joined the queue less than 20 s before it.
    /// More than 39 hours count as 39 hours.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::Client;
    ///
    /// // A waiting request rises by a step of priority each second.
    /// let client = Client::builder().ageing(Duration::from_secs(1)).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn ageing(mut self, step: Duration) -> Self {
        self.queue.ageing = step;
        self
    }

    /// Sets how many requests may start per period. Default: no limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use futures::FutureExt;
    /// use waterspout::testing::{ManualTimer, MockBackend};
    /// use waterspout::{Client, Rate};
    ///
    /// let timer = ManualTimer::new();
    /// let client = Client::builder()
    ///     .rate_limit(Rate::new(1, Duration::from_secs(10)))
    ///     .timer(timer.clone())
    ///     .backend(MockBackend::text("hello"))
    ///     .build()?;
    /// let mut first = client.get("http://example.com/").send().boxed();
    /// let mut second = client.get("http://example.com/").send().boxed();
    /// assert!((&mut first).now_or_never().is_some());
    /// assert!((&mut second).now_or_never().is_none());
    /// timer.advance(Duration::from_secs(10));
    /// assert!(second.now_or_never().is_some());
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn rate_limit(mut self, rate: Rate) -> Self {
        self.queue.rate = Some(rate);
        self
    }

    /// Sets how many requests to the same origin may start per period. Default: no limit.
    ///
    /// As with [`max_active_per_origin`](Self::max_active_per_origin), requests that wait for an origin do not block requests
    /// to other origins.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::{Client, Rate};
    ///
    /// // Five requests per second to each origin, at most two of them at once.
    /// let rate = Rate::new(5, Duration::from_secs(1)).burst(2);
    /// let client = Client::builder().rate_limit_per_origin(rate).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn rate_limit_per_origin(mut self, rate: Rate) -> Self {
        self.queue.origin_rate = Some(rate);
        self
    }

    /// Sets whether [`Stats::origins`](crate::Stats::origins) counts requests by origin. Default: only if origins have limits.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::FutureExt;
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// let client = Client::builder().origin_stats(true).backend(MockBackend::pending()).build()?;
    /// let mut request = client.get("http://example.com/page").send().boxed();
    /// assert!((&mut request).now_or_never().is_none());
    ///
    /// let origins = client.stats().origins;
    /// assert_eq!((&*origins[0].origin, origins[0].active), ("http://example.com", 1));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn origin_stats(mut self, count: bool) -> Self {
        self.queue.origin_stats = count;
        self
    }

    /// Sets the observer that is called at each step of each request. Default: none. A later call replaces it.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Adds headers that each request sends, unless the request has headers of the same name.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::FutureExt;
    /// use waterspout::Client;
    /// use waterspout::http::{HeaderMap, HeaderValue, StatusCode, header};
    /// use waterspout::testing::MockBackend;
    /// # use waterspout::Response;
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert(header::USER_AGENT, HeaderValue::from_static("example/1.0"));
    /// let backend = MockBackend::new(|request| {
    ///     assert_eq!(request.headers()["user-agent"], "example/1.0");
    ///     async move { Ok(Response::new(StatusCode::OK, request.url().clone(), "")) }.boxed()
    /// });
    /// let client = Client::builder().default_headers(headers).backend(backend).build()?;
    /// futures::executor::block_on(client.get("http://example.com/").send())?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn default_headers(mut self, headers: HeaderMap) -> Self {
        match &mut self.headers {
            Some(defaults) => defaults.extend(headers),
            None => self.headers = Some(Box::new(headers)),
        }
        self
    }

    pub(super) fn with_options(mut self, change: impl FnOnce(&mut RequestOptions)) -> Self {
        change(&mut self.options);
        self
    }

    option_setters!();

    /// Sets how many retries all requests together may make. Default: [`RetryBudget::new`].
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Client, Retry, RetryBudget};
    ///
    /// // Ten retries for a hundred requests, and a retry each second besides.
    /// let budget = RetryBudget::new().percent(10).per_second(1);
    /// let client = Client::builder().retry(Retry::new()).retry_budget(budget).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn retry_budget(mut self, budget: RetryBudget) -> Self {
        self.budget = budget;
        self
    }

    /// Sets when attempts at a failing origin are refused. Default: never.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{CircuitBreaker, Client, Error, ErrorKind, Phase};
    ///
    /// let backend = MockBackend::new(|_| {
    ///     Box::pin(async { Err(Error::new(ErrorKind::Connect, Phase::Connect, "connection refused")) })
    /// });
    /// let breaker = CircuitBreaker::new().failures(2);
    /// let client = Client::builder().circuit_breaker(breaker).backend(backend.clone()).build()?;
    ///
    /// let fetch = || futures::executor::block_on(client.get("http://example.com/").send()).unwrap_err().kind();
    /// assert_eq!([fetch(), fetch(), fetch()], [ErrorKind::Connect, ErrorKind::Connect, ErrorKind::CircuitOpen]);
    /// assert_eq!(backend.seen().len(), 2);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn circuit_breaker(mut self, breaker: CircuitBreaker) -> Self {
        // Behind a pointer that this setter alone names: a program that sets no breaker does not link it.
        self.breaker = Some(Box::new(move |clock| Arc::new(Circuits::new(breaker, clock))));
        self
    }

    /// Adds a middleware between the client and its backend. The first added is the outermost.
    pub fn middleware(mut self, middleware: impl Middleware) -> Self {
        self.middleware.push(Arc::new(middleware));
        self
    }

    /// Adds hooks that are called before and after each attempt. The first added is the outermost.
    pub fn hooks(self, hooks: impl Hooks) -> Self {
        self.middleware(Hooked(hooks))
    }

    /// Sets the backend, which makes the attempts. Default: the platform's own, native sockets or the browser's `fetch`.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// let backend = MockBackend::text("hello");
    /// let client = Client::builder().backend(backend.clone()).build()?;
    /// futures::executor::block_on(client.get("http://example.com/").send())?;
    /// assert_eq!(backend.seen(), ["GET http://example.com/"]);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn backend(mut self, backend: impl Backend) -> Self {
        self.backend = Some(Arc::new(backend));
        self
    }

    /// Sets the clock for time limits, delays and rates. Default: the platform's own.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use futures::FutureExt;
    /// use waterspout::Client;
    /// use waterspout::testing::{ManualTimer, MockBackend};
    ///
    /// let timer = ManualTimer::new();
    /// let client = Client::builder()
    ///     .timer(timer.clone())
    ///     .head_timeout(Duration::from_secs(5))
    ///     .backend(MockBackend::pending())
    ///     .build()?;
    /// let mut request = client.get("http://example.com/").send().boxed();
    /// assert!((&mut request).now_or_never().is_none());
    /// timer.advance(Duration::from_secs(5));
    /// assert!(request.now_or_never().unwrap().unwrap_err().is_timeout());
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn timer(mut self, timer: impl Timer + Clone) -> Self {
        self.timer = Some(Arc::new(timer));
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) if no request could ever run: `max_active` or
    /// `max_active_per_origin` is zero, or a rate has zero requests or a burst of zero. A rate above a request per nanosecond
    /// is refused as well.
    ///
    /// # Platform
    /// Where there is neither a native backend nor a JavaScript engine, set a backend and a timer. Without them, requests
    /// fail with [`Unsupported`](crate::ErrorKind::Unsupported).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Client, ErrorKind};
    ///
    /// let error = Client::builder().max_active(0).build().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    /// ```
    pub fn build(self) -> Result<Client> {
        self.queue.check()?;
        Ok(self.assemble())
    }

    /// Builds the client without checking the settings.
    ///
    /// `Client::new` returns no error, and a closure given to [`configure`](crate::tornado::configure()) may return invalid
    /// settings at a later call.
    pub(super) fn assemble(mut self) -> Client {
        // With 0, every request would wait for ever.
        self.queue.max_active = self.queue.max_active.max(1);
        let clock = ClientClock::from(self.timer.unwrap_or_else(platform::default_timer));
        let timer: Arc<dyn Timer> = Arc::new(clock.clone());
        let defaults = RequestOptions {
            connect_timeout: Some(DEFAULT_TIMEOUT),
            head_timeout: Some(DEFAULT_TIMEOUT),
            idle_timeout: Some(DEFAULT_TIMEOUT),
            body_limit: Some(DEFAULT_BODY_LIMIT),
            ..RequestOptions::default()
        };
        Client(Arc::new(ClientInner {
            backend: self.backend.unwrap_or_else(|| platform::default_backend(&timer)),
            tracer: self.observer.map(|observer| Arc::new(Tracer::new(observer, &timer))),
            bucket: Mutex::new(RetryBucket::new(self.budget, clock.now())),
            breaker: self.breaker.map(|make| make(clock.clone())),
            shared: Shared { queue: Arc::new(Queue::new(self.queue, timer)), clock },
            headers: self.headers,
            options: self.options.over(&defaults),
            middleware: self.middleware,
        }))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("queue", &self.queue).field("options", &self.options).finish_non_exhaustive()
    }
}
