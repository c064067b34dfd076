//! One hop: a connection, kept or new, and an exchange on it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, select};
use http::Method;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

use super::decode::{self, Pipeline};
use super::pool::{BackgroundConnect, PoolHandle, PoolKey, Reserved, Waiter};
use super::{Agent, Config, OnInformational, Route, body};
use crate::error::{Error, ErrorKind, Limit, Phase, Result, Transfer};
use crate::http1::{Answer, Connection, Outgoing, RequestHead, ResponseHead};
use crate::message::body::Body;
use crate::message::connection_info::Exchange;
use crate::message::request::Request;
use crate::message::response::Response;
use crate::runtime::{BoxFuture, Instant};
use crate::transport::Details;

/// How long a request counts on a connection that is being made for nobody: as long as one address is waited for before
/// the next is tried too (RFC 8305, section 5).
const RELIANCE: Duration = Duration::from_millis(250);

/// One request on its way through the agent: what it brings along over the agent's own settings, and where it goes.
struct Hop<'a> {
    agent: &'a Agent,
    request: &'a Request,
    config: &'a Config,
    key: PoolKey,
}

impl Agent {
    /// Makes one request, without following where its response may point.
    pub(super) async fn hop(&self, request: &mut Request) -> Result<Response> {
        let body = std::mem::take(request.body_mut());
        let config = request.options().extension::<Config>().unwrap_or(&self.config);
        let via = request.options().extension::<Route>().cloned();
        Hop { agent: self, config, key: PoolKey { origin: request.url().origin(), via }, request }.run(body).await
    }
}

impl Hop<'_> {
    async fn run(self, body: Body) -> Result<Response> {
        let replay = body.try_clone();
        let (mut connection, reused) = match self.agent.pool.take(&self.key, self.agent.timer.now()) {
            Some(connection) => (connection, true),
            // What is rare is in boxes: so the future of each request is smaller.
            None => Box::pin(self.connect_or_wait()).await?,
        };
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
            self.connecting(self.agent.timer.now()).await?
        };
        let outcome = self.exchange(&mut connection, body).await;
        let (answer, first_byte) = outcome.map_err(|error| error.with_transfer(Transfer::on_connection(false)))?;
        self.response(connection, answer, first_byte, false)
    }

    /// A new connection, or one that another request has finished with meanwhile; says whether it is that.
    async fn connect_or_wait(&self) -> Result<(Connection, bool)> {
        let _connecting = self.request.progress().connecting();
        let started = self.agent.timer.now();
        let mut may_wait_for_background = true;
        let mut place = loop {
            match self.home().wait(may_wait_for_background) {
                Reserved::Connection(connection) => return Ok((connection, true)),
                Reserved::Waiter(place) => break place,
                Reserved::Reliance(place) => match self.rely(place, started).await {
                    Some(connection) => return Ok((connection, true)),
                    None => may_wait_for_background = self.agent.timer.now() < started + self.reliance(),
                },
            }
        };
        let mut connecting = self.connecting(started);
        match select(&mut connecting, &mut place).await {
            Either::Right((Some((connection, spare)), _)) => {
                self.finish_later(connecting, spare);
                Ok((connection, true))
            }
            // Only who relies on another is told to look again.
            Either::Right((None, _)) => Ok((connecting.await?, false)),
            Either::Left((Ok(connection), _)) => Ok((connection, false)),
            Either::Left((Err(error), place)) => match place.now_or_never().flatten() {
                Some((connection, _)) => Ok((connection, true)),
                None => Err(error),
            },
        }
    }

    /// Waits for a connection that another had begun to make; none if that fails or takes long.
    async fn rely(&self, place: Waiter, started: Instant) -> Option<Connection> {
        let patience = self.agent.timer.sleep_until(started + self.reliance());
        match select(place, patience).await {
            Either::Left((came, _)) => came.map(|(connection, _)| connection),
            Either::Right((_, place)) => {
                place.give_up();
                None
            }
        }
    }

    /// How long a request counts on a connection that is being made for nobody, before it makes one as well.
    fn reliance(&self) -> Duration {
        self.connect_limit().map_or(RELIANCE, |limit| RELIANCE.min(limit / 2))
    }

    /// Has a connection that came too late made and kept, if there is an executor; else it is dropped.
    fn finish_later(&self, connecting: BoxFuture<'static, Result<Connection>>, spare: Option<BackgroundConnect>) {
        let Some(executor) = &self.agent.executor else {
            // In this order: who relied on it connects once it is gone, and not before.
            drop(connecting);
            return drop(spare);
        };
        let home = self.home();
        executor.spawn(Box::pin(async move {
            if let Ok(connection) = connecting.await {
                home.give_back(connection);
            }
            drop(spare);
        }));
    }

    /// Where a connection of this hop goes when it is free.
    fn home(&self) -> PoolHandle {
        PoolHandle {
            pool: self.agent.pool.clone(),
            key: self.key.clone(),
            keeping: self.config.keeping,
            timer: self.agent.timer.clone(),
        }
    }

    fn connect_limit(&self) -> Option<Duration> {
        self.request.options().connect_timeout.filter(|limit| !limit.is_zero())
    }

    /// Makes a connection, within the limit for that, which has run since `started`.
    fn connecting(&self, started: Instant) -> BoxFuture<'static, Result<Connection>> {
        let connector = self.key.via.as_ref().map_or(&self.agent.connector, Route::connector).clone();
        let origin = self.key.origin.clone();
        let (timer, limits) = (self.agent.timer.clone(), self.config.limits);
        let limit = self.connect_limit();
        Box::pin(async move {
            let connecting = connector.connect(&origin);
            let Some(duration) = limit else { return Ok(Connection::new(connecting.await?, limits)) };
            match select(connecting, timer.sleep_until(started + duration)).await {
                Either::Left((transport, _)) => Ok(Connection::new(transport?, limits)),
                Either::Right(_) => {
                    let limit = Limit { name: "connect", duration };
                    Err(Error::timeout(Phase::Connect, limit, timer.now().since(started)))
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
        let exchange = described(connection.details(), first_byte, reused);
        let (body, trailers) = body::receive(connection, body, pipeline, rest, self.home());
        let mut response = Response::builder(head.status, self.request.url());
        response = response.version(head.version).headers(head.headers).connection_info(exchange);
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

/// What a kept connection took to make is not this exchange's time.
fn described(details: Details, first_byte: Duration, reused: bool) -> Exchange {
    let Details { remote_address, local_address, dns, connect, tls, .. } = details;
    let [dns, connect, tls] = [dns, connect, tls].map(|duration| duration.filter(|_| !reused));
    Exchange { reused, remote_address, local_address, dns, connect, tls, first_byte: Some(first_byte) }
}

/// Whether a kept connection had just been closed by the server, so that the request may be made once more on a new
/// one: no byte of an answer came, and either the method may be repeated, or the server has not had the whole request
/// and nothing of the body (RFC 9110, section 9.2.2), or nothing at all. One without a body it has had whole when it has
/// had the head.
fn is_stale(error: &Error, connection: &Connection, method: &Method) -> bool {
    let closed = error.kind() == ErrorKind::ConnectionClosed && !connection.answered;
    closed && (method.is_idempotent() || !connection.wrote || !(connection.sent || connection.body_taken))
}
