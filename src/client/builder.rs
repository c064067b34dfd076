//! The builder of a client: its settings and their defaults.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue};

use super::breaker::{BreakerPolicy, CircuitBreaker, Circuits};
use super::defaults::{DefaultHeaders, InvalidHeaders};
use super::observer::{Observer, Tracer};
use super::queue::{Queue, QueueSettings};
use super::request_trace::TraceRequests;
use super::{Client, ClientInner};
use crate::backend::{Backend, WithHeaders};
use crate::client::middleware::{Middleware, MiddlewareChain};
use crate::client::retry::{RetryBucket, RetryBudget};
use crate::error::{Error, ErrorKind, Result, Source};
use crate::message::credentials::mark_sensitive;
use crate::message::request::{RequestOptions, option_setters};
use crate::message::response::DEFAULT_BODY_LIMIT;
use crate::platform::{BackendSettings, ClientClock, ClientSleep};
use crate::runtime::Timer;
use crate::runtime::sleep::Sleep;

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
    pub(super) queue: QueueSettings,
    headers: Option<Box<dyn DefaultHeaders>>,
    options: RequestOptions,
    /// The program's own backend.
    backend: Option<Arc<dyn Backend>>,
    /// What the platform's backend is made of, if the program sets no backend of its own.
    backend_settings: BackendSettings,
    /// Whether `backend` and `backend_settings` are defaults of the process, which the program has not yet overridden.
    is_inherited: bool,
    timer: Option<Arc<dyn Timer>>,
    tracer: Option<Box<MakeTracer>>,
    spans: Option<Box<MakeSpans>>,
    middleware: Option<Box<dyn MiddlewareChain>>,
    budget: RetryBudget,
    breaker: Option<Box<MakeBreaker>>,
}

/// Creates the circuit breaker. It is called by `build`, when the client's clock is known.
type MakeBreaker = dyn FnOnce(ClientClock) -> Arc<dyn BreakerPolicy> + Send + Sync;

/// Creates what calls the observer. It is called by `build`, when the client's timer is known.
type MakeTracer = dyn FnOnce(&Arc<dyn Timer>) -> Box<dyn TraceRequests> + Send + Sync;

/// Adds the spans to what calls the observer, if there is an observer. It is called by `build`.
pub(super) type MakeSpans = dyn FnOnce(Option<Box<dyn TraceRequests>>) -> Box<dyn TraceRequests> + Send + Sync;

impl Builder {
    /// Sets the observer that is called at each step of each request. Default: none. A later call replaces it.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        // Behind a pointer that this setter alone names: a program that sets no observer does not link it.
        self.tracer = Some(Box::new(|timer| Box::new(Arc::new(Tracer::new(Arc::new(observer), timer)))));
        self
    }

    /// Adds headers that each request sends, unless the request has headers of the same name. Credentials are marked
    /// sensitive as by [`RequestBuilder::header`](crate::RequestBuilder::header).
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
    pub fn default_headers(mut self, mut headers: HeaderMap) -> Self {
        mark_sensitive(&mut headers);
        match &mut self.headers {
            Some(defaults) => defaults.extend(headers),
            None => self.headers = Some(Box::new(headers)),
        }
        self
    }

    /// Sets the `user-agent` that each request sends, unless the request has its own. It is a default header, and the
    /// last call of this method or [`default_headers`](Self::default_headers) sets its value. Default: natively
    /// `waterspout/` and the version, in a browser the engine's own.
    ///
    /// # Errors
    /// On building: [`InvalidRequest`](ErrorKind::InvalidRequest) for a value with a control character such as a line
    /// break.
    ///
    /// # Platform
    /// The engine decides: Firefox and Node send the value, and Chromium sends its own in its place and reports no
    /// error. For another origin the header makes a browser send a CORS preflight request. The server must allow
    /// `user-agent` there, or the request fails with [`Network`](ErrorKind::Network).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
    /// use waterspout::{Agent, Client, ErrorKind};
    ///
    /// # let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    /// # let connector = ScriptedConnector::new([Script::new().expect_head().send(answer)]);
    /// # let agent = Agent::new(connector.clone(), ManualTimer::new());
    /// let client = Client::builder().user_agent("example/1.0 (+https://example.com/)").backend(agent).build()?;
    /// futures::executor::block_on(client.get("http://example.com/").send())?;
    /// assert!(connector.written(0).contains("user-agent: example/1.0 (+https://example.com/)\r\n"));
    ///
    /// let error = Client::builder().user_agent("two\r\nlines").build().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn user_agent<V: TryInto<HeaderValue, Error: Into<Source>>>(mut self, value: V) -> Self {
        match value.try_into() {
            Ok(value) => self.default_headers(HeaderMap::from_iter([(USER_AGENT, value)])),
            Err(cause) => {
                let message = "the value of `Builder::user_agent` has a character that is not allowed";
                let error = Error::request(ErrorKind::InvalidRequest, message).with_source(cause);
                self.headers = Some(Box::new(InvalidHeaders(error)));
                self
            }
        }
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
        let chain = self.middleware.get_or_insert_with(|| Box::new(Vec::new()));
        chain.push(Arc::new(middleware));
        self
    }

    /// Sets the backend, which makes the attempts. Default: the platform's own, native sockets or the browser's `fetch`.
    ///
    /// A backend has its own settings. Natively, the settings of the platform's backend beside it, such as `network`,
    /// `cookies` and `proxy`, are an error of [`build`](Self::build).
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
        if std::mem::take(&mut self.is_inherited) {
            self.backend_settings = BackendSettings::default();
        }
        self.backend = Some(Arc::new(WithHeaders(backend)));
        self
    }

    /// Sets what adds the spans.
    #[allow(dead_code, reason = "only the feature `tracing` calls it")]
    pub(super) fn with_spans(mut self, add: Box<MakeSpans>) -> Self {
        self.spans = Some(add);
        self
    }

    /// Changes the settings of the platform's backend.
    #[allow(dead_code, reason = "only a platform with settings calls it")]
    pub(crate) fn with_backend_settings(mut self, change: impl FnOnce(&mut BackendSettings)) -> Self {
        // The program overrides a default backend of the process. The default settings stay: these add to them.
        if std::mem::take(&mut self.is_inherited) {
            self.backend = None;
        }
        change(&mut self.backend_settings);
        self
    }

    /// Marks what is set so far as defaults of the process, which the program's own settings override.
    pub(super) fn inherit(mut self) -> Self {
        self.is_inherited = true;
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
    /// is refused as well. Also for a value of a setting that is not valid, and natively for settings that
    /// [`backend`](Self::backend) would not use. The message names them.
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
    pub fn build(mut self) -> Result<Client> {
        self.queue.check()?;
        if let Some(headers) = &self.headers {
            headers.check()?;
        }
        self.backend_settings.prepare(self.backend.as_ref())?;
        Ok(self.assemble())
    }

    /// Builds the client without checking the settings.
    ///
    /// `Client::new` returns no error, and a closure given to [`configure`](crate::tornado::configure()) may return invalid
    /// settings at a later call. Each request then fails if `build` would refuse its headers or its backend's settings.
    pub(super) fn assemble(mut self) -> Client {
        // With 0, every request would wait for ever.
        self.queue.max_active = self.queue.max_active.max(1);
        let clock = self.timer.map_or_else(|| self.backend_settings.clock(), ClientClock::from);
        let timer: Arc<dyn Timer> = Arc::new(clock.clone());
        let defaults = RequestOptions {
            connect_timeout: Some(DEFAULT_TIMEOUT),
            head_timeout: Some(DEFAULT_TIMEOUT),
            idle_timeout: Some(DEFAULT_TIMEOUT),
            body_limit: Some(DEFAULT_BODY_LIMIT),
            ..RequestOptions::default()
        };
        let queue = Arc::new(Queue::new(self.queue, timer.clone()));
        let tracer = self.tracer.map(|make| make(&timer));
        ClientSleep::wake_covered_by(&clock, || queue.waker_of_covered());
        Client(Arc::new(ClientInner {
            executor: self.backend_settings.executor(),
            backend: self.backend_settings.into_backend(self.backend, &timer),
            tracer: match self.spans {
                Some(add) => Some(add(tracer)),
                None => tracer,
            },
            bucket: Mutex::new(RetryBucket::new(self.budget, clock.now())),
            breaker: self.breaker.map(|make| make(clock.clone())),
            queue,
            clock,
            headers: self.headers,
            options: Arc::new(self.options.over(&defaults)),
            middleware: self.middleware,
        }))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("queue", &self.queue)
            .field("options", &self.options)
            .field("backend_settings", &self.backend_settings)
            .finish_non_exhaustive()
    }
}
