//! The agent: what a browser would have done for us, over any [`Connector`].
//!
//! One request's life here is the hop loop of [`Agent::fetch`]: a connection from the pool or a new one, an exchange
//! on it, then the response, or the next hop that a redirect names.

mod body;
mod challenge;
mod config;
mod cookies;
mod encoding;
mod pool;
mod redirect;

use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, LOCATION, RANGE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method};

pub use self::config::Config;
pub use self::cookies::CookieStore;
use self::encoding::Pipeline;
use self::pool::Pool;
use crate::backend::Backend;
use crate::body::Body;
use crate::error::{Error, ErrorKind, Limit, Phase, Result};
use crate::future::BoxFuture;
use crate::http1::{Answer, Connection, Outgoing, RequestHead, ResponseHead};
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
            match self.exchange(&mut connection, request, body).await {
                Ok(answer) => return self.response(request, origin, connection, answer),
                Err(error) if !is_stale(&error, &connection, request.method()) => return Err(error.with_reused(true)),
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
        let answer = self.exchange(&mut connection, request, body).await.map_err(|error| error.with_reused(false))?;
        self.response(request, origin, connection, answer)
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
        Ok(Connection::new(transport, self.config.limits))
    }

    fn response(
        &self,
        request: &Request,
        origin: Origin,
        connection: Connection,
        Answer { mut head, body, rest }: Answer,
    ) -> Result<Response> {
        let pipeline = self.pipeline(request, &mut head)?;
        let rest = rest.map(|rest| (rest, request.progress().clone()));
        let (body, trailers) = body::receive(connection, body, pipeline, rest, &self.pool, origin, &self.timer);
        let mut response = Response::new(head.status, request.url().clone(), body);
        response = response.with_version(head.version).with_headers(head.headers);
        if let Some(trailers) = trailers {
            response = response.with_trailers(trailers);
        }
        Ok(match head.reason {
            Some(reason) => response.with_reason(reason),
            None => response,
        })
    }

    async fn exchange(&self, connection: &mut Connection, request: &Request, body: Body) -> Result<Answer> {
        let head = RequestHead {
            method: request.method(),
            target: request.url().target(),
            authority: request.url().authority(),
            headers: request.headers(),
        };
        let asks = request.options().expect_continue.unwrap_or_default();
        let outgoing = Outgoing {
            head,
            body,
            trailers: request.trailers().cloned(),
            progress: request.progress(),
            patience: asks.then(|| self.patience()),
        };
        connection.exchange(outgoing).await
    }

    /// What decodes the body, if it is to be decoded; then the head no longer describes the encoded one.
    fn pipeline(&self, request: &Request, head: &mut ResponseHead) -> Result<Option<Pipeline>> {
        // The headers of an answer that never has a body describe the one that another answer would have.
        let bodiless = request.method() == Method::HEAD || [204, 304].contains(&head.status.as_u16());
        if bodiless || request.options().decompress == Some(false) {
            return Ok(None);
        }
        let codings = encoding::of(&head.headers)?;
        if codings.is_empty() {
            return Ok(None);
        }
        head.headers.remove(CONTENT_ENCODING);
        head.headers.remove(CONTENT_LENGTH);
        Ok(Some(Pipeline::new(&codings, self.config.max_expansion)))
    }

    /// The time in which a server may say that it wants a body; it runs from the first poll.
    fn patience(&self) -> BoxFuture<'static, ()> {
        let (timer, limit) = (self.timer.clone(), self.config.continue_timeout);
        Box::pin(async move {
            match limit {
                limit if limit.is_zero() => std::future::pending().await,
                limit => timer.sleep_until(timer.now() + limit).await,
            }
        })
    }
}

impl Backend for Agent {
    fn fetch(&self, mut request: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin(async move {
            // A backend of one's own may have changed the request since the client checked it.
            request.validate()?;
            for (name, value) in [(ACCEPT, HeaderValue::from_static("*/*")), (USER_AGENT, AGENT_NAME)] {
                request.headers_mut().entry(name).or_insert(value);
            }
            if request.options().decompress != Some(false) {
                accept_encodings(request.headers_mut());
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

/// Asks for what can be decoded, unless the caller has asked for something. A part of an encoded body cannot be decoded
/// (Fetch standard, "HTTP-network-or-cache fetch").
fn accept_encodings(headers: &mut HeaderMap) {
    let offer = match encoding::offer() {
        Some(_) if headers.contains_key(RANGE) => Some(HeaderValue::from_static("identity")),
        offer => offer,
    };
    if let Some(offer) = offer {
        headers.entry(ACCEPT_ENCODING).or_insert(offer);
    }
}

/// Whether a kept connection had just been closed by the server, so that the request may be made once more on a new
/// one: no byte of an answer came, and either the method may be repeated, or the server has not had the whole request
/// and nothing of the body (RFC 9110, section 9.2.2). One without a body it has had whole when it has had the head.
fn is_stale(error: &Error, connection: &Connection, method: &Method) -> bool {
    let closed = error.kind() == ErrorKind::ConnectionClosed && !connection.answered;
    closed && (method.is_idempotent() || !(connection.sent || connection.body_taken))
}
