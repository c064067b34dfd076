//! The client's settings.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderMap;

use super::breaker::{Breaker, CircuitBreaker, Circuits};
use super::defaults::DefaultHeaders;
use super::observer::{Observer, Watcher};
use super::queue::{Queue, QueueSettings, Rate};
use super::send::Gate;
use super::{Client, Inner};
use crate::backend::Backend;
use crate::client::middleware::{Hooked, Hooks, Middleware};
use crate::client::retry::{Bucket, RetryBudget};
use crate::error::Result;
use crate::message::request::{RequestOptions, option_setters};
use crate::message::response::DEFAULT_BODY_LIMIT;
use crate::platform::{self, QueuedTimer, TimerQueue};
use crate::runtime::Timer;

/// The longest wait for a connection, for a head and for a piece of a body, unless set otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

/// Builds a [`Client`].
///
/// [`Client::builder`] begins with the process's defaults ([`configure`](crate::tornado::configure())), `Builder::default()` without.
#[derive(Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    queue: QueueSettings,
    headers: Option<DefaultHeaders>,
    options: RequestOptions,
    backend: Option<Arc<dyn Backend>>,
    timer: Option<Arc<dyn Timer>>,
    observer: Option<Arc<dyn Observer>>,
    middleware: Vec<Arc<dyn Middleware>>,
    budget: RetryBudget,
    breaker: Option<Box<MakeBreaker>>,
}

/// Called once the clock is known.
type MakeBreaker = dyn FnOnce(Arc<TimerQueue>) -> Arc<dyn Breaker> + Send + Sync;

impl Builder {
    /// Sets how many requests run at once; further ones wait. Default: 10.
    ///
    /// A request runs until its response's body has been read or dropped. Those that wait start in the order of their
    /// [`priority`](Self::priority), among equals first come, first served.
    pub fn max_active(mut self, requests: usize) -> Self {
        self.queue.max_active = requests;
        self
    }

    /// Sets how many requests to one origin run at once. Default: as many as `max_active` allows.
    ///
    /// Those that wait for a slow origin hold up nobody else: who comes behind them and goes elsewhere passes by. The
    /// origin is that of the request's URL; a redirect does not change it.
    pub fn max_active_per_origin(mut self, requests: usize) -> Self {
        self.queue.max_active_per_origin = Some(requests);
        self
    }

    /// Sets how many requests may wait for a slot; one more fails at once with
    /// [`QueueFull`](crate::ErrorKind::QueueFull). Zero means that none waits. Default: no limit.
    ///
    /// A request that waits again after a failed attempt is counted and never turned away.
    pub fn max_queued(mut self, requests: usize) -> Self {
        self.queue.max_queued = Some(requests);
        self.queue.full_message =
            format!("the queue is full: `max_queued` is {requests}, and so many requests wait").into();
        self
    }

    /// Sets the waiting time that is worth a step of [`priority`](Self::priority), so that nothing waits for ever.
    /// Default: 10 s. Zero means that no time makes up for priority.
    ///
    /// With 10 s, a request of priority 2 overtakes those of priority 0 that came less than 20 s before it. More than 39
    /// hours count as 39 hours.
    pub fn ageing(mut self, step: Duration) -> Self {
        self.queue.ageing = step;
        self
    }

    /// Sets how many requests may start in a time. Default: no limit.
    pub fn rate_limit(mut self, rate: Rate) -> Self {
        self.queue.rate = Some(rate);
        self
    }

    /// Sets how many requests to one origin may start in a time. Default: no limit.
    ///
    /// As with [`max_active_per_origin`](Self::max_active_per_origin), an origin that has to wait holds up no other.
    pub fn rate_limit_per_origin(mut self, rate: Rate) -> Self {
        self.queue.origin_rate = Some(rate);
        self
    }

    /// Sets whether requests are counted by origin, for [`Client::origins`]. Default: only if origins have limits.
    pub fn origin_stats(mut self, count: bool) -> Self {
        self.queue.origin_stats = count;
        self
    }

    /// Sets who is told of each step of each request. Default: nobody.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Adds headers that each request sends unless it sets its own of that name.
    pub fn default_headers(mut self, headers: HeaderMap) -> Self {
        self.headers.get_or_insert_with(DefaultHeaders::new).map.extend(headers);
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
        self.breaker = Some(Box::new(move |alarms| Arc::new(Circuits::new(breaker, alarms))));
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
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) if `max_active` or `max_active_per_origin` is zero, or a rate
    /// allows nothing: no request could ever run. A rate of more than one each nanosecond is refused as well.
    ///
    /// # Platform
    /// Where there is neither a native backend nor a JavaScript engine, one has to be set, and a timer; requests of
    /// a client without fail with [`Unsupported`](crate::ErrorKind::Unsupported).
    pub fn build(self) -> Result<Client> {
        self.queue.check()?;
        Ok(self.assemble())
    }

    /// The client, of settings that may be wrong: those of [`configure`](crate::tornado::configure()) cannot be refused here.
    pub(super) fn assemble(mut self) -> Client {
        self.queue.max_active = self.queue.max_active.max(1);
        let alarms = TimerQueue::new(self.timer.unwrap_or_else(platform::default_timer));
        let timer: Arc<dyn Timer> = Arc::new(QueuedTimer(alarms.clone()));
        let defaults = RequestOptions {
            connect_timeout: Some(DEFAULT_TIMEOUT),
            head_timeout: Some(DEFAULT_TIMEOUT),
            idle_timeout: Some(DEFAULT_TIMEOUT),
            body_limit: Some(DEFAULT_BODY_LIMIT),
            ..RequestOptions::default()
        };
        Client(Arc::new(Inner {
            backend: self.backend.unwrap_or_else(|| platform::default_backend(&timer)),
            watcher: self.observer.map(|observer| Arc::new(Watcher::new(observer, &timer))),
            bucket: Mutex::new(Bucket::new(self.budget, alarms.now())),
            breaker: self.breaker.map(|make| make(alarms.clone())),
            gate: Gate { queue: Arc::new(Queue::new(self.queue, timer)), clock: alarms },
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
