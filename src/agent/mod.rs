//! The agent: HTTP/1.1 and HTTP/2 over any [`Connector`], with everything that a browser does below `fetch`.
//!
//! [`Agent::fetch`](crate::Backend::fetch) is the loop over redirects. Each pass sends a request and receives the head
//! of its response (`round_trip`): it takes a connection from the pool or opens a connection, and makes an exchange on
//! it. The response's body then streams from the connection.
//!
//! The agent needs a connector and a timer, and nothing of a target, so it compiles on every platform. A program that
//! does not use it, as most programs in browsers, does not link it.

mod auth;
mod body;
mod config;
mod connect;
mod cookies;
mod decode;
mod default_fields;
mod expect_continue;
mod informational;
mod open_connections;
mod pieces;
mod pool;
pub mod proxy;
mod redirect;
#[cfg(feature = "tracing")]
mod redirect_event;
#[cfg(not(feature = "tracing"))]
#[path = "no_redirect_event.rs"]
mod redirect_event;
mod redirect_policy;
mod round_trip;
mod route;
#[cfg(feature = "http2")]
mod shared;
#[cfg(not(feature = "http2"))]
#[path = "no_shared.rs"]
mod shared;

use std::sync::Arc;

use futures::FutureExt;
use http::HeaderValue;

pub use self::config::Config;
pub use self::cookies::{CookieStore, Cookies};
pub use self::informational::OnInformational;
use self::open_connections::OpenConnections;
use self::pool::Pool;
use self::redirect::RedirectResponse;
pub use self::redirect_policy::{RedirectAction, RedirectAttempt, RedirectPolicy};
pub use self::route::Route;
use self::shared::SharedPool;
use crate::backend::{Backend, OriginConnections};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::call_context::CallContext;
use crate::message::connection_info::RedirectEntry;
use crate::message::progress::Progress;
use crate::message::request::{Redirect, Request};
use crate::message::response::Response;
use crate::runtime::{BoxFuture, Executor, Timer};
use crate::transport::Connector;

/// A [`Backend`] that speaks HTTP/1.1 and, with the feature `http2`, HTTP/2 over connections. It keeps idle connections,
/// follows redirects, answers challenges, stores cookies and decodes bodies.
///
/// It is the native default, over TCP. With another [`Connector`] it runs on every platform.
///
/// # Examples
///
/// ```
/// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
/// use waterspout::{Agent, Client};
///
/// let answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
/// let connector = ScriptedConnector::new([Script::new().expect_head().send(answer).expect_head().send(answer)]);
/// let agent = Agent::new(connector.clone(), ManualTimer::new());
/// let client = Client::builder().backend(agent).build()?;
/// futures::executor::block_on(async {
///     for _ in 0..2 {
///         assert_eq!(client.get("http://example.com/").await?.text().await?, "hello");
///     }
///     Ok::<(), waterspout::Error>(())
/// })?;
/// assert_eq!(connector.connections(), 1);
/// # Ok::<(), waterspout::Error>(())
/// ```
pub struct Agent {
    // Two traits and nothing of a target, so targets stay out of this module. On WASI, or over a tunnel in a browser,
    // the same engine runs.
    connector: Arc<dyn Connector>,
    timer: Arc<dyn Timer>,
    pool: Arc<Pool>,
    /// The connections that carry many requests at once.
    shared: Arc<SharedPool>,
    /// Counts the open connections of HTTP/1.1.
    open: Arc<OpenConnections>,
    /// Runs background connects. The pool's idle reaper runs on it, too.
    executor: Option<Arc<dyn Executor>>,
    config: Config,
    cookies: Option<Arc<dyn CookieStore>>,
}

impl Agent {
    /// Creates an agent that connects through `connector`. Connect timeouts and idle timeouts are measured with
    /// `timer`.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::{ManualTimer, ScriptedConnector};
    /// use waterspout::{Agent, Client, ErrorKind};
    ///
    /// // This connector has no script, so it refuses every connection.
    /// let agent = Agent::new(ScriptedConnector::default(), ManualTimer::new());
    /// let client = Client::builder().backend(agent).build()?;
    /// let error = futures::executor::block_on(async { client.get("http://example.com/").await }).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Connect);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn new(connector: impl Connector, timer: impl Timer) -> Self {
        Self {
            connector: Arc::new(connector),
            timer: Arc::new(timer),
            pool: Arc::default(),
            shared: Arc::default(),
            open: Arc::default(),
            executor: None,
            config: Config::new(),
            cookies: None,
        }
    }

    /// Sets the configuration of all requests that have none of their own.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::agent::Config;
    /// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
    /// use waterspout::{Agent, Client, ErrorKind};
    ///
    /// # let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    /// # let connector = ScriptedConnector::new([Script::new().expect_head().send(answer)]);
    /// let agent = Agent::new(connector, ManualTimer::new()).with_config(Config::new().head_bytes(16));
    /// let client = Client::builder().backend(agent).build()?;
    /// let error = futures::executor::block_on(async { client.get("http://example.com/").await }).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    #[must_use]
    pub fn with_config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Sets the executor for background work: closing idle connections in time, and finishing connects that their
    /// requests do not need any more. Default: none; the native default agent has
    /// [`BackgroundThread`](crate::platform).
    ///
    /// Without an executor, the agent checks an idle connection only when a request takes it, and drops a connect that
    /// its request does not need. With an executor, such a connect is finished and kept. Other requests wait for it for
    /// at most 250 ms and open no connection meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::{ManualTimer, ScriptedConnector};
    /// use waterspout::{Agent, BoxFuture, Executor};
    ///
    /// /// Runs each future on a thread of its own.
    /// #[derive(Clone)]
    /// struct Threads;
    ///
    /// impl Executor for Threads {
    ///     fn spawn(&self, task: BoxFuture<'static, ()>) {
    ///         std::thread::spawn(|| futures::executor::block_on(task));
    ///     }
    /// }
    ///
    /// let agent = Agent::new(ScriptedConnector::default(), ManualTimer::new()).with_executor(Threads);
    /// ```
    #[must_use]
    pub fn with_executor(mut self, executor: impl Executor + Clone) -> Self {
        let executor: Arc<dyn Executor> = Arc::new(executor);
        self.pool = Arc::new(Pool::with_reaper(executor.clone(), self.timer.clone()));
        self.executor = Some(executor);
        self
    }

    /// Sets the store for cookies. Each request, redirects included, sends the cookies that the store has for its URL,
    /// and the store receives the cookies of each response. Default: none.
    ///
    /// A request with a `cookie` header of its own sends only that header, also after redirects within its origin.
    #[must_use]
    pub fn with_cookies(mut self, jar: impl CookieStore) -> Self {
        self.cookies = Some(Arc::new(jar));
        self
    }

    /// Sends a request to its URL, without redirects. Sends it again with credentials if the server asks for them,
    /// and without `Expect: 100-continue` if the server does not understand it.
    ///
    /// Returns the response, and the stored cookies that were sent with the last request.
    async fn fetch_without_redirects(
        &self,
        request: &mut Request,
        progress: &Progress,
    ) -> Result<(Response, Option<HeaderValue>)> {
        let jar = match request.options().extension::<Cookies>() {
            Some(own) => own.jar().cloned(),
            None => self.cookies.clone(),
        };
        auth::prepare(request);
        let mut answers = 0;
        loop {
            let has_stored_cookies = cookies::add(jar.as_deref(), request);
            let outcome = self.round_trip(request, progress).await;
            // The store's cookies leave the request at once: a header that stayed would count as the caller's own, and
            // the next request, or another URL, may need other cookies.
            let sent_cookies = if has_stored_cookies { cookies::remove(request) } else { None };
            let response = outcome?;
            // Before a challenge is answered: the answer may need the cookies that came with the challenge.
            cookies::store(jar.as_deref(), request.url(), &response);
            if !expect_continue::remove(request, &response) {
                if !auth::answer(request, &response, answers)? {
                    return Ok((response, sent_cookies));
                }
                answers += 1;
            }
            // The next request can then use the same connection.
            auth::drain(response).await;
        }
    }
}

impl Backend for Agent {
    fn fetch(&self, mut request: Request, context: CallContext) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async move {
            // 1. Check the request. A middleware may have changed it since the client checked it.
            request.validate()?;
            request.options().extensions.check("agent")?;
            // 2. Add the type of the body. The other headers that a browser would add are written with the request's
            // head, see `default_fields`.
            request.add_content_type();
            let mode = request.options().redirect.unwrap_or_default();
            let mut history = Vec::new();
            loop {
                // 3. Send the request.
                let outcome = self.fetch_without_redirects(&mut request, context.progress()).await;
                let (mut response, sent_cookies) = outcome.map_err(|error| error.with_url(request.url()))?;
                // 4. Return the response, unless it is a redirect to follow.
                let is_redirect = mode != Redirect::Manual && redirect::is_redirect(response.status());
                let location = if is_redirect { redirect::location(response.headers())? } else { None };
                let Some(location) = location else {
                    response.set_history(history);
                    cookies::record(&mut response, &mut request, sent_cookies);
                    return Ok(response);
                };
                if mode == Redirect::Error {
                    let message = "the server redirects, but the request's redirect mode is `Redirect::Error`";
                    return Err(Error::new(ErrorKind::Redirect, Phase::Head, message));
                }
                // 5. Turn the request into the redirected request.
                let entry = RedirectEntry {
                    url: request.url().clone(),
                    status: response.status(),
                    connection_info: response.connection_info(),
                };
                let policy = request.options().extension::<RedirectPolicy>().cloned().unwrap_or_default();
                let redirect = RedirectResponse { status: response.status(), location, followed: history.len() };
                if !redirect::follow(&mut request, &redirect, &policy)? {
                    response.set_history(history);
                    cookies::record(&mut response, &mut request, sent_cookies);
                    return Ok(response);
                }
                redirect_event::record(entry.status, request.url());
                history.push(entry);
                // The next request can then use the same connection. It does not wait for a body that is still on its
                // way.
                let _ = auth::drain(response).now_or_never();
            }
        })
    }

    fn connections(&self) -> Vec<OriginConnections> {
        let idle = self.pool.idle_counts();
        let mut all = shared::connection_counts(&self.shared);
        for (origin, open) in self.open.counts() {
            let mut counts = OriginConnections::new(origin);
            counts.idle = idle.get(&counts.origin).copied().unwrap_or_default().min(open);
            counts.active = open - counts.idle;
            all.push(counts);
        }
        all.sort_by(|a, b| a.origin.cmp(&b.origin));
        all
    }
}
