//! The agent: what a browser would have done for us, over any [`Connector`].
//!
//! One request's life here is the hop loop of [`Agent::fetch`]: a connection from the pool or a new one, an exchange
//! on it, then the response, or the next hop that a redirect names.

mod auth;
mod body;
mod config;
mod cookies;
mod decode;
mod expect_continue;
mod informational;
mod pool;
pub mod proxy;
mod redirect;
mod redirect_policy;
mod round_trip;
mod route;

use std::sync::Arc;

use http::header::{ACCEPT, ACCEPT_ENCODING, LOCATION, RANGE, USER_AGENT};
use http::{HeaderMap, HeaderValue};

pub use self::config::Config;
pub use self::cookies::{CookieStore, Cookies};
pub use self::informational::OnInformational;
use self::pool::Pool;
pub use self::redirect_policy::{RedirectAction, RedirectAttempt, RedirectPolicy};
pub use self::route::Route;
use crate::backend::Backend;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::connection_info::RedirectEntry;
use crate::message::request::{Redirect, Request};
use crate::message::response::Response;
use crate::runtime::{BoxFuture, Executor, Timer};
use crate::transport::Connector;

/// What a request says about its sender unless it says something else.
const AGENT_NAME: HeaderValue = HeaderValue::from_static(concat!("waterspout/", env!("CARGO_PKG_VERSION")));

/// A [`Backend`] that speaks HTTP/1.1 over connections: keep-alive pool, redirects, bodies.
///
/// It is the native default, over TCP. With another [`Connector`] it runs anywhere.
pub struct Agent {
    connector: Arc<dyn Connector>,
    timer: Arc<dyn Timer>,
    pool: Arc<Pool>,
    /// For what is done when nobody waits for it.
    executor: Option<Arc<dyn Executor>>,
    config: Config,
    cookies: Option<Arc<dyn CookieStore>>,
}

impl Agent {
    /// An agent over `connector`; `timer` is the clock of connect limits and of the pool.
    pub fn new(connector: impl Connector, timer: impl Timer) -> Self {
        Self {
            connector: Arc::new(connector),
            timer: Arc::new(timer),
            pool: Arc::default(),
            executor: None,
            config: Config::new(),
            cookies: None,
        }
    }

    /// The same agent with other settings.
    #[must_use]
    pub fn with_config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The same agent with a place for what nobody waits for. Default: none, but for the native agent, which has
    /// [`BackgroundThread`](crate::platform).
    ///
    /// With one, a connection that is kept is closed as soon as the server closes it or its time is up, rather than
    /// when it is looked at next; and a connection that is no longer needed when it is there is kept for others, who wait
    /// for it, for 250 ms at most, rather than make more.
    #[must_use]
    pub fn with_executor(mut self, executor: impl Executor + Clone) -> Self {
        let executor: Arc<dyn Executor> = Arc::new(executor);
        self.pool = Arc::new(Pool::with_reaper(executor.clone(), self.timer.clone()));
        self.executor = Some(executor);
        self
    }

    /// The same agent with a cookie jar: each response's cookies go into it, and each request has those that are meant
    /// for its URL, hop by hop. Default: none.
    ///
    /// A request with a `cookie` header of its own sends that and nothing from the jar, as far as redirects stay within
    /// its origin.
    #[must_use]
    pub fn with_cookies(mut self, jar: impl CookieStore) -> Self {
        self.cookies = Some(Arc::new(jar));
        self
    }

    /// Makes one hop: cookies there and back, the answer if the server asks for credentials, and no question before the
    /// body if it knows none.
    async fn visit(&self, request: &mut Request) -> Result<Response> {
        let jar = match request.options().extension::<Cookies>() {
            Some(own) => own.jar().cloned(),
            None => self.cookies.clone(),
        };
        auth::prepare(request);
        let mut answers = 0;
        loop {
            let mut replay = request.body().try_clone();
            let from_jar = cookies::add(jar.as_deref(), request);
            let outcome = self.round_trip(request).await;
            if from_jar {
                cookies::remove(request);
            }
            let response = outcome?;
            cookies::take_in(jar.as_deref(), request.url(), response.headers());
            if !expect_continue::withdraw(request, &response, &mut replay) {
                if !auth::answer(request, &response, replay, answers)? {
                    return Ok(response);
                }
                answers += 1;
            }
            auth::read_over(response).await;
        }
    }
}

impl Backend for Agent {
    fn fetch(&self, mut request: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async move {
            // A backend of one's own may have changed the request since the client checked it.
            request.validate()?;
            request.options().settings.check("agent")?;
            for (name, value) in [(ACCEPT, HeaderValue::from_static("*/*")), (USER_AGENT, AGENT_NAME)] {
                request.headers_mut().entry(name).or_insert(value);
            }
            if request.options().decompress != Some(false) {
                accept_encodings(request.headers_mut());
            }
            let policy = request.options().redirect.unwrap_or_default();
            let redirects = request.options().extension::<RedirectPolicy>().cloned().unwrap_or_default();
            let mut history = Vec::new();
            loop {
                let replay = request.body().try_clone();
                let mut response = self.visit(&mut request).await.map_err(|error| error.with_url(request.url()))?;
                let location = response.headers().get(LOCATION).filter(|_| redirect::is_redirect(response.status()));
                let Some(location) = location.filter(|_| policy != Redirect::Manual) else {
                    response.set_history(history);
                    return Ok(response);
                };
                if policy == Redirect::Error {
                    return Err(Error::new(
                        ErrorKind::Redirect,
                        Phase::Head,
                        "the server redirects, which is not wanted",
                    ));
                }
                let entry = RedirectEntry {
                    url: request.url().clone(),
                    status: response.status(),
                    connection_info: response.connection_info(),
                };
                let redirect = (response.status(), location);
                if !redirect::follow(&mut request, replay, redirect, history.len(), &redirects)? {
                    response.set_history(history);
                    return Ok(response);
                }
                history.push(entry);
            }
        })
    }
}

/// Asks for what can be decoded, unless the caller has asked for something. A part of an encoded body cannot be decoded
/// (Fetch standard, "HTTP-network-or-cache fetch").
fn accept_encodings(headers: &mut HeaderMap) {
    let offer = match decode::offer() {
        Some(_) if headers.contains_key(RANGE) => Some(HeaderValue::from_static("identity")),
        offer => offer,
    };
    if let Some(offer) = offer {
        headers.entry(ACCEPT_ENCODING).or_insert(offer);
    }
}
