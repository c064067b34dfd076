//! The agent: what a browser would have done for us, over any [`Connector`].
//!
//! One request's life here is the hop loop of [`Agent::fetch`]: a connection from the pool or a new one, an exchange
//! on it, then the response, or the next hop that a redirect names.

mod body;
mod challenge;
mod cookies;
mod pool;
mod redirect;

use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use http::header::{ACCEPT, LOCATION, USER_AGENT};
use http::{HeaderValue, Method};

pub use self::cookies::CookieStore;
use self::pool::Pool;
use crate::backend::Backend;
use crate::body::Body;
use crate::error::{Error, ErrorKind, Limit, Phase, Result};
use crate::future::BoxFuture;
use crate::http1::{BodyDecoder, Connection, RequestHead, ResponseHead};
use crate::request::{Redirect, Request};
use crate::response::Response;
use crate::runtime::Timer;
use crate::transport::Connector;
use crate::url::Origin;

/// What a request says about its sender unless it says something else.
const AGENT_NAME: HeaderValue = HeaderValue::from_static(concat!("waterspout/", env!("CARGO_PKG_VERSION")));

/// A [`Backend`] that speaks HTTP/1.1 over connections: keep-alive pool, redirects, bodies.
///
/// It is the native default, over TCP. With another [`Connector`] it runs anywhere.
pub struct Agent {
    connector: Arc<dyn Connector>,
    timer: Arc<dyn Timer>,
    pool: Arc<Pool>,
    cookies: Option<Arc<dyn CookieStore>>,
}

impl Agent {
    /// An agent over `connector`; `timer` is the clock of connect limits and of the pool.
    pub fn new(connector: impl Connector, timer: impl Timer) -> Self {
        Self { connector: Arc::new(connector), timer: Arc::new(timer), pool: Arc::default(), cookies: None }
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

    /// Makes one hop: cookies there and back, and the answer if the server asks for credentials.
    async fn visit(&self, request: &mut Request) -> Result<Response> {
        challenge::prepare(request);
        for answers in 0.. {
            let replay = request.body().try_clone();
            let from_jar = cookies::add(self.cookies.as_deref(), request);
            let outcome = self.hop(request).await;
            if from_jar {
                cookies::remove(request);
            }
            let response = outcome?;
            cookies::take_in(self.cookies.as_deref(), request.url(), response.headers());
            if !challenge::answer(request, &response, replay, answers)? {
                return Ok(response);
            }
            challenge::read_over(response).await;
        }
        unreachable!("the answers are limited")
    }

    /// Makes one request, without following where its response may point.
    async fn hop(&self, request: &mut Request) -> Result<Response> {
        let body = std::mem::take(request.body_mut());
        let spare = body.try_clone();
        let origin = request.url().origin();
        if let Some(mut connection) = self.pool.take(&origin, self.timer.now()) {
            match exchange(&mut connection, request, body).await {
                Ok(answer) => return Ok(self.response(request, origin, connection, answer)),
                Err(error) if !is_stale(&error, &connection, request.method()) => return Err(error),
                Err(error) => {
                    let body = spare.ok_or(error)?;
                    drop(connection);
                    return self.fresh(request, origin, body).await;
                }
            }
        }
        self.fresh(request, origin, body).await
    }

    /// Makes one request on a new connection.
    async fn fresh(&self, request: &Request, origin: Origin, body: Body) -> Result<Response> {
        let mut connection = {
            let _connecting = request.progress().connecting();
            self.connect(&origin, request.options().connect_timeout).await?
        };
        let answer = exchange(&mut connection, request, body).await?;
        Ok(self.response(request, origin, connection, answer))
    }

    async fn connect(&self, origin: &Origin, limit: Option<Duration>) -> Result<Connection> {
        let connecting = self.connector.connect(origin);
        let transport = match limit.filter(|limit| !limit.is_zero()) {
            None => connecting.await?,
            Some(duration) => {
                let started = self.timer.now();
                match select(connecting, self.timer.sleep_until(started + duration)).await {
                    Either::Left((transport, _)) => transport?,
                    Either::Right(_) => {
                        let limit = Limit { name: "connect", duration };
                        return Err(Error::timeout(Phase::Connect, limit, self.timer.now().since(started)));
                    }
                }
            }
        };
        Ok(Connection::new(transport))
    }

    fn response(
        &self,
        request: &Request,
        origin: Origin,
        connection: Connection,
        (head, decoder): (ResponseHead, BodyDecoder),
    ) -> Response {
        let body = body::receive(connection, decoder, &self.pool, origin, &self.timer);
        Response::new(head.status, request.url().clone(), body).with_version(head.version).with_headers(head.headers)
    }
}

impl Backend for Agent {
    fn fetch(&self, mut request: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async move {
            request.validate()?;
            for (name, value) in [(ACCEPT, HeaderValue::from_static("*/*")), (USER_AGENT, AGENT_NAME)] {
                request.headers_mut().entry(name).or_insert(value);
            }
            let policy = request.options().redirect.unwrap_or_default();
            for hops in 0.. {
                let replay = request.body().try_clone();
                let response = self.visit(&mut request).await.map_err(|error| error.with_url(request.url()))?;
                let location = response.headers().get(LOCATION).filter(|_| redirect::is_redirect(response.status()));
                let Some(location) = location.filter(|_| policy != Redirect::Manual) else {
                    return Ok(response.with_redirected(hops > 0));
                };
                if policy == Redirect::Error {
                    return Err(Error::new(
                        ErrorKind::Redirect,
                        Phase::Head,
                        "the server redirects, which is not wanted",
                    ));
                }
                redirect::follow(&mut request, replay, response.status(), location, hops)?;
            }
            unreachable!("the hops are limited")
        })
    }
}

async fn exchange(connection: &mut Connection, request: &Request, body: Body) -> Result<(ResponseHead, BodyDecoder)> {
    let head = RequestHead {
        method: request.method(),
        target: request.url().target(),
        authority: request.url().authority(),
        headers: request.headers(),
    };
    connection.exchange(head, body, request.progress()).await
}

/// Whether a kept connection had just been closed by the server, so that the request may be made once more on a new
/// one: no byte of an answer came, and either the method may be repeated or nothing of the body was used
/// (RFC 9112, section 9.3.1).
fn is_stale(error: &Error, connection: &Connection, method: &Method) -> bool {
    let closed = error.kind() == ErrorKind::ConnectionClosed && !connection.answered;
    closed && (method.is_idempotent() || !connection.body_taken)
}
