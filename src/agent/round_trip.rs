//! One hop: a connection, kept or new, and an exchange on it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, select};
use http::Method;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

use super::decode::{self, Pipeline};
use super::pool::handle::{PoolHandle, Reserved, Waiter};
use super::pool::key::PoolKey;
use super::pool::{BackgroundConnect, Delivered};
use super::{Agent, Config, OnInformational, Route, body};
use crate::error::{Error, ErrorKind, Phase, Result, Timeout, Transfer};
use crate::http1::{Answer, Connection, Outgoing, RequestHead, ResponseHead};
use crate::message::body::Body;
use crate::message::connection_info::ConnectionInfo;
use crate::message::request::Request;
use crate::message::response::Response;
use crate::runtime::{BoxFuture, Instant};

/// Maximum time a request waits for a background connect: as long as a connect to one address is waited for before the
/// next address is tried too (RFC 8305, section 5).
const BACKGROUND_WAIT: Duration = Duration::from_millis(250);

/// One request on its way through the agent: what it brings along over the agent's own settings, and where it goes.
struct RoundTrip<'a> {
    agent: &'a Agent,
    request: &'a Request,
    config: &'a Config,
    key: PoolKey,
}

/// A connection, and where it comes from.
struct PooledConnection {
    connection: Connection,
    /// Whether it has carried an exchange before.
    reused: bool,
}

impl PooledConnection {
    fn new(connection: Connection) -> Self {
        Self { connection, reused: false }
    }

    fn reused(connection: Connection) -> Self {
        Self { connection, reused: true }
    }
}

impl Agent {
    /// Makes one request, without following where its response may point.
    pub(super) async fn round_trip(&self, request: &mut Request) -> Result<Response> {
        let body = std::mem::take(request.body_mut());
        let config = request.options().extension::<Config>().unwrap_or(&self.config);
        let route = request.options().extension::<Route>().cloned();
        let key = PoolKey { origin: request.url().origin(), route };
        RoundTrip { agent: self, config, key, request }.run(body).await
    }
}

impl RoundTrip<'_> {
    async fn run(self, body: Body) -> Result<Response> {
        let replay = body.try_clone();
        let pooled = match self.agent.pool.take(&self.key, self.agent.timer.now()) {
            Some(connection) => PooledConnection::reused(connection),
            // What is rare is in boxes: so the future of each request is smaller.
            None => Box::pin(self.connect_or_wait()).await?,
        };
        let PooledConnection { mut connection, reused } = pooled;
        match self.exchange(&mut connection, body).await {
            Ok((answer, first_byte)) => self.response(connection, answer, first_byte, reused),
            Err(error) if reused && is_stale(&error, &connection, self.request.method()) => {
                let body = replay.ok_or_else(|| error.with_transfer(Transfer::on_connection(true)))?;
                drop(connection);
                Box::pin(self.anew(body)).await
            }
            Err(error) => Err(error.with_transfer(Transfer::on_connection(reused))),
        }
    }

    /// The same once more, on a new connection, since a kept one had been closed.
    async fn anew(&self, body: Body) -> Result<Response> {
        let mut connection = {
            let _connecting = self.request.progress().connecting();
            self.connect(self.agent.timer.now()).await?
        };
        let outcome = self.exchange(&mut connection, body).await;
        let (answer, first_byte) = outcome.map_err(|error| error.with_transfer(Transfer::on_connection(false)))?;
        self.response(connection, answer, first_byte, false)
    }

    /// Opens a connection, or takes one that another request gives back first. An open connection comes first because a
    /// fast server would otherwise see as many connections as there are requests at once, though one of them is slow
    /// to open and the responses are fast.
    async fn connect_or_wait(&self) -> Result<PooledConnection> {
        let _connecting = self.request.progress().connecting();
        let started = self.agent.timer.now();
        let mut may_wait_for_background = true;
        let mut waiter = loop {
            match self.pool_handle().reserve(may_wait_for_background) {
                Reserved::Connection(connection) => return Ok(PooledConnection::reused(connection)),
                Reserved::Connect(waiter) => break waiter,
                Reserved::WaitForBackground(waiter) => match self.wait_for_background(waiter, started).await {
                    Some(connection) => return Ok(PooledConnection::reused(connection)),
                    None => may_wait_for_background = self.agent.timer.now() < started + self.background_wait(),
                },
            }
        };
        let mut connecting = self.connect(started);
        match select(&mut connecting, &mut waiter).await {
            Either::Right((Some(Delivered { connection, background }), _)) => {
                self.finish_in_background(connecting, background);
                Ok(PooledConnection::reused(connection))
            }
            // Only a request that waits for a background connect is told to reserve again, so this does not happen.
            Either::Right((None, _)) => Ok(PooledConnection::new(connecting.await?)),
            Either::Left((Ok(connection), _)) => Ok(PooledConnection::new(connection)),
            // A connection may have been delivered at the same moment.
            Either::Left((Err(error), waiter)) => match waiter.now_or_never().flatten() {
                Some(delivered) => Ok(PooledConnection::reused(delivered.connection)),
                None => Err(error),
            },
        }
    }

    /// Waits for the result of a background connect. Returns `None` if the connect fails or takes too long.
    async fn wait_for_background(&self, waiter: Waiter, started: Instant) -> Option<Connection> {
        let limit = self.agent.timer.sleep_until(started + self.background_wait());
        match select(waiter, limit).await {
            Either::Left((delivered, _)) => delivered.map(|delivered| delivered.connection),
            Either::Right((_, waiter)) => {
                waiter.give_up();
                None
            }
        }
    }

    /// Returns how long this request may wait for background connects, counted from the beginning of its own connecting.
    ///
    /// The wait is bounded because this request cannot drive a background connect: it is in the hands of an executor that may
    /// not run it, or of a request that may not be polled.
    fn background_wait(&self) -> Duration {
        self.connect_limit().map_or(BACKGROUND_WAIT, |limit| BACKGROUND_WAIT.min(limit / 2))
    }

    /// Lets an executor finish a connect that this request does not need, for other requests. Without an executor the
    /// connect is dropped.
    fn finish_in_background(
        &self,
        connecting: BoxFuture<'static, Result<Connection>>,
        background: Option<BackgroundConnect>,
    ) {
        let Some(executor) = &self.agent.executor else {
            // In this order: a request that waits for the background connect opens its own connection once `background`
            // is dropped. The server must not see both.
            drop(connecting);
            return drop(background);
        };
        let pool = self.pool_handle();
        executor.spawn(Box::pin(async move {
            if let Ok(connection) = connecting.await {
                pool.give_back(connection);
            }
            drop(background);
        }));
    }

    /// Returns the pool's handle for a connection of this request.
    fn pool_handle(&self) -> PoolHandle {
        PoolHandle {
            pool: self.agent.pool.clone(),
            key: self.key.clone(),
            limits: self.config.idle,
            timer: self.agent.timer.clone(),
        }
    }

    fn connect_limit(&self) -> Option<Duration> {
        self.request.options().connect_timeout.filter(|limit| !limit.is_zero())
    }

    /// Makes a connection, within the limit for that, which has run since `started`.
    fn connect(&self, started: Instant) -> BoxFuture<'static, Result<Connection>> {
        let connector = self.key.route.as_ref().map_or(&self.agent.connector, Route::connector).clone();
        let origin = self.key.origin.clone();
        let (timer, limits) = (self.agent.timer.clone(), self.config.limits);
        let limit = self.connect_limit();
        Box::pin(async move {
            let connecting = connector.connect(&origin);
            let Some(duration) = limit else { return Ok(Connection::new(connecting.await?, limits)) };
            match select(connecting, timer.sleep_until(started + duration)).await {
                Either::Left((transport, _)) => Ok(Connection::new(transport?, limits)),
                Either::Right(_) => {
                    let elapsed = timer.now().since(started);
                    Err(Error::timed_out(Phase::Connect, Timeout::Connect, duration, elapsed))
                }
            }
        })
    }

    /// Sends the request and receives the head of the response. Beside it is when its first byte came, counted from
    /// the beginning of the exchange.
    async fn exchange(&self, connection: &mut Connection, body: Body) -> Result<(Answer, Duration)> {
        let request = self.request;
        let asks = request.options().expect_continue.unwrap_or_default();
        request.progress().begin_exchange(body.length());
        let outgoing = Outgoing {
            head: RequestHead {
                method: request.method(),
                target: request.url().target(),
                authority: request.url().authority(),
                headers: request.headers(),
                is_forwarded: false,
                proxy_authorization: None,
            },
            body,
            trailers: request.trailers().cloned(),
            progress: request.progress(),
            patience: asks.then(|| self.patience()),
            on_informational: request.options().extension::<OnInformational>().map(OnInformational::tell),
        };
        let timer = &self.agent.timer;
        let (started, mut first_byte) = (timer.now(), None);
        let mut exchange = pin!(connection.exchange(outgoing));
        let outcome = poll_fn(|cx| {
            let polled = exchange.as_mut().poll(cx);
            if first_byte.is_none() && request.progress().is_answered() {
                first_byte = Some(timer.now().since(started));
            }
            polled
        });
        Ok((outcome.await?, first_byte.unwrap_or_default()))
    }

    fn response(&self, connection: Connection, answer: Answer, first_byte: Duration, reused: bool) -> Result<Response> {
        let Answer { mut head, body, rest } = answer;
        let pipeline = self.pipeline(&mut head)?;
        let rest = rest.map(|rest| (rest, self.request.progress().clone()));
        let connection_info = exchange_info(connection.connection_info(), first_byte, reused);
        let (body, trailers) = body::receive(connection, body, pipeline, rest, self.pool_handle());
        let mut response = Response::builder(head.status, self.request.url());
        response = response.version(head.version).headers(head.headers).connection_info(connection_info);
        if let Some(trailers) = trailers {
            response = response.trailers(trailers);
        }
        if let Some(reason) = head.reason {
            response = response.reason(reason);
        }
        response.body(body)
    }

    /// What decodes the body, if it is to be decoded; then the head no longer describes the encoded one.
    fn pipeline(&self, head: &mut ResponseHead) -> Result<Option<Pipeline>> {
        // The headers of an answer that never has a body describe the one that another answer would have.
        let bodiless = self.request.method() == Method::HEAD || [204, 304].contains(&head.status.as_u16());
        if bodiless || self.request.options().decompress == Some(false) {
            return Ok(None);
        }
        let codings = decode::of(&head.headers)?;
        if codings.is_empty() {
            return Ok(None);
        }
        head.headers.remove(CONTENT_ENCODING);
        head.headers.remove(CONTENT_LENGTH);
        Ok(Some(Pipeline::new(&codings, self.config.max_expansion)))
    }

    /// The time in which a server may say that it wants a body; it runs from the first poll.
    fn patience(&self) -> BoxFuture<'static, ()> {
        let (timer, limit) = (self.agent.timer.clone(), self.config.continue_timeout);
        Box::pin(async move {
            match limit {
                limit if limit.is_zero() => std::future::pending().await,
                limit => timer.sleep_until(timer.now() + limit).await,
            }
        })
    }
}

/// Adds the facts of one exchange to the facts of its connection. The time that opening a reused connection took is no
/// part of this exchange.
fn exchange_info(mut info: ConnectionInfo, first_byte: Duration, reused: bool) -> ConnectionInfo {
    if reused {
        info.dns = None;
        info.connect = None;
        info.tls = None;
    }
    info.reused = reused;
    info.first_byte = Some(first_byte);
    info
}

/// Whether a kept connection had just been closed by the server, so that the request may be made once more on a new
/// one: no byte of an answer came, and either the method may be repeated, or the server has not had the whole request
/// and nothing of the body (RFC 9110, section 9.2.2), or nothing at all. One without a body it has had whole when it has
/// had the head.
fn is_stale(error: &Error, connection: &Connection, method: &Method) -> bool {
    let closed = error.kind() == ErrorKind::ConnectionClosed && !connection.answered;
    closed && (method.is_idempotent() || !connection.wrote || !(connection.sent || connection.body_taken))
}
