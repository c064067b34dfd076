//! A request and its response: a connection from the pool or a new connection, and an exchange on it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{Method, StatusCode};

use super::connect::{Carrier, PooledConnection};
use super::decode::{self, Pipeline};
use super::pool::handle::PoolAccess;
use super::pool::key::PoolKey;
use super::{Agent, Config, OnInformational, Route, body, default_fields};
use crate::error::{Error, ErrorKind, Result, Transfer};
use crate::http1::{Connection, Exchange, ExchangeRequest, ExchangeResponse, RequestHead, ResponseHead};
use crate::message::body::Body;
use crate::message::connection_info::ExchangeInfo;
use crate::message::progress::Progress;
use crate::message::request::Request;
use crate::message::response::lazy_headers::LazyHeaders;
use crate::message::response::{ReceivedHead, Response};
use crate::runtime::{BoxFuture, Instant};

/// A request on its way through the agent.
pub(super) struct RoundTrip<'a> {
    pub(super) agent: &'a Agent,
    pub(super) request: &'a Request,
    /// The progress of the attempt, which redirects and challenges share.
    pub(super) progress: &'a Progress,
    /// The request's own configuration, or the agent's.
    pub(super) config: &'a Config,
    /// Which connections the request can use.
    pub(super) key: PoolKey,
}

/// The response of an exchange, and when it arrived.
struct TimedResponse {
    response: ExchangeResponse,
    /// When the head was complete.
    arrived_at: Instant,
    /// The time from the beginning of the exchange to the first byte of the response.
    first_byte: Duration,
}

impl Agent {
    /// Sends a request and receives the head of its response. Does not follow redirects.
    ///
    /// The request keeps its body if the body can be sent again.
    pub(super) async fn round_trip(&self, request: &mut Request, progress: &Progress) -> Result<Response> {
        let mut one_shot = request.body_mut().take_one_shot();
        let request = &*request;
        let config = request.options().extension::<Config>().unwrap_or(&self.config);
        let route = request.options().extension::<Route>().cloned();
        let key = PoolKey { origin: request.url().origin(), route };
        let trip = RoundTrip { agent: self, config, key, request, progress };
        // 1. Get a connection.
        let mut started = self.timer.now();
        let (mut connection, reused) = match self.pool.take(&trip.key, started) {
            Some(connection) => (connection, true),
            // The rare paths are boxed, so that they do not enlarge the future of every request.
            None => match Box::pin(trip.connect_or_share()).await? {
                Carrier::Share(share) => return Box::pin(trip.over_http2(share, &mut one_shot)).await,
                Carrier::Connection(PooledConnection { connection, reused }) => {
                    started = self.timer.now();
                    (connection, reused)
                }
            },
        };
        // 2. Send the request, and receive the head of the response.
        let outcome = trip.exchange(&mut connection, &mut one_shot, started).await;
        // 3. Replace an idle connection that the server had closed. Without a copy of the body, only the outcome on the
        // idle connection is left to return.
        if reused && is_stale(&outcome, &connection, request.method()) && request.body().is_replayable() {
            // Closed first: a request has a single connection at a time.
            drop(outcome);
            drop(connection);
            return Box::pin(trip.reconnect()).await;
        }
        match outcome {
            Ok(timed) => trip.response(connection, timed, reused),
            Err(error) => Err(error.with_transfer(Transfer::on_connection(reused))),
        }
    }
}

impl RoundTrip<'_> {
    /// Sends the request again on a new connection.
    async fn reconnect(&self) -> Result<Response> {
        let connection = {
            let _connecting = self.progress.connecting();
            self.connect(self.agent.timer.now()).await?
        };
        match connection {
            Some(connection) => self.on_new(connection, &mut None).await,
            None => self.send_anywhere(&mut None).await,
        }
    }

    /// Sends the request on a share of a connection, or on a connection that is opened for it.
    pub(super) fn send_anywhere<'s>(&'s self, one_shot: &'s mut Option<Body>) -> BoxFuture<'s, Result<Response>> {
        Box::pin(async move {
            match self.connect_or_share().await? {
                Carrier::Share(share) => self.over_http2(share, one_shot).await,
                Carrier::Connection(PooledConnection { connection, .. }) => self.on_new(connection, one_shot).await,
            }
        })
    }

    /// Sends the request on a connection that no request has used.
    pub(super) async fn on_new(
        &self,
        mut connection: Box<Connection>,
        one_shot: &mut Option<Body>,
    ) -> Result<Response> {
        let outcome = self.exchange(&mut connection, one_shot, self.agent.timer.now()).await;
        let timed = outcome.map_err(|error| error.with_transfer(Transfer::on_connection(false)))?;
        self.response(connection, timed, false)
    }

    /// Returns the access to the pool for a connection of this request.
    pub(super) fn pool_access(&self) -> PoolAccess<'_> {
        PoolAccess { pool: &self.agent.pool, key: &self.key, limits: self.config.idle, timer: &self.agent.timer }
    }

    /// Sends the request and receives the head of the response. `started` is the present time.
    async fn exchange(
        &self,
        connection: &mut Connection,
        one_shot: &mut Option<Body>,
        started: Instant,
    ) -> Result<TimedResponse> {
        let body = one_shot.take().or_else(|| self.request.body().try_clone()).ok_or_else(|| {
            let message = "the request cannot be sent again: its body has been sent";
            Error::request(ErrorKind::BodyNotReplayable, message)
        })?;
        let mut exchange = self.prepare(connection, body);
        let mut first_byte = None;
        let mut arrived_at = started;
        let response = poll_fn(|cx| {
            let polled = Pin::new(&mut exchange).poll(cx);
            // The exchange reads without a clock, so the time is taken after the poll that read the first byte.
            let is_first = first_byte.is_none() && self.progress.exchange().is_answered();
            if is_first || polled.is_ready() {
                arrived_at = self.agent.timer.now();
            }
            if is_first {
                first_byte = Some(arrived_at.since(started));
            }
            polled
        })
        .await?;
        Ok(TimedResponse { response, arrived_at, first_byte: first_byte.unwrap_or_default() })
    }

    /// Makes the exchange that sends the request with `body`.
    fn prepare<'c>(&'c self, connection: &'c mut Connection, body: Body) -> Exchange<'c, BoxFuture<'static, ()>> {
        let request = self.request;
        let expects_continue = request.options().expect_continue.unwrap_or_default();
        self.progress.exchange().begin(body.length());
        let trailers = request.trailers_after(&body).cloned();
        let exchange_request = ExchangeRequest {
            limits: &self.config.http1,
            head: RequestHead {
                method: request.method(),
                target: request.url().target(),
                authority: request.url().authority(),
                headers: request.headers(),
                defaults: Some(default_fields::of(request)),
            },
            body,
            trailers,
            progress: self.progress,
            continue_wait: expects_continue.then(|| self.continue_wait()),
            on_informational: request.options().extension::<OnInformational>().map(OnInformational::callback),
        };
        Exchange::new(connection, exchange_request)
    }

    /// Makes the response that the caller receives. Its body takes over the connection.
    fn response(&self, mut connection: Box<Connection>, timed: TimedResponse, reused: bool) -> Result<Response> {
        let TimedResponse { response: ExchangeResponse { body, upload, .. }, arrived_at, first_byte } = timed;
        let head = &mut connection.head;
        let headers = std::mem::take(&mut head.headers);
        let reason = head.reason.take();
        let (status, version) = (head.status, head.version);
        let mut headers = LazyHeaders::lines(headers);
        let pipeline = self.pipeline(&connection.head, &mut headers)?;
        let upload = upload.map(|upload| (upload, self.progress.clone()));
        let exchange = ExchangeInfo::OnConnection { connection: connection.connection_info(), first_byte, reused };
        let (body, trailers) = body::receive(connection, body, pipeline, upload, self.pool_access(), arrived_at);
        let received = ReceivedHead { status, version, reason, headers, exchange, trailers };
        Ok(Response::received(received, self.request.url().clone(), body))
    }

    /// Returns the decoder of the response's body, if the body is to be decoded. Removes the headers that describe the
    /// encoded body, because the caller never sees it.
    ///
    /// As in the Fetch standard, the response decides whether it is decoded, and not what the request had in
    /// `accept-encoding`.
    fn pipeline(&self, head: &ResponseHead, headers: &mut LazyHeaders) -> Result<Option<Pipeline>> {
        // Without this, every response would need the map of its headers.
        if !head.framing.has_coding {
            return Ok(None);
        }
        self.pipeline_of(head.status, headers)
    }

    /// Returns the decoder of a body whose response has `content-encoding`.
    pub(super) fn pipeline_of(&self, status: StatusCode, headers: &mut LazyHeaders) -> Result<Option<Pipeline>> {
        // A response without a body describes the body of another response, so its headers stay.
        let bodiless = self.request.method() == Method::HEAD || [204, 304].contains(&status.as_u16());
        if bodiless || self.request.options().decompress == Some(false) {
            return Ok(None);
        }
        let codings = decode::content_codings(headers.map())?;
        if codings.is_empty() {
            return Ok(None);
        }
        headers.map_mut().remove(CONTENT_ENCODING);
        headers.map_mut().remove(CONTENT_LENGTH);
        Ok(Some(Pipeline::new(&codings, self.config.decode)))
    }

    /// Waits as long as a server may take to ask for the body. The time begins with the first poll.
    pub(super) fn continue_wait(&self) -> BoxFuture<'static, ()> {
        let timer = self.agent.timer.clone();
        let limit = self.config.continue_timeout;
        Box::pin(async move {
            if limit.is_zero() { std::future::pending().await } else { timer.sleep_until(timer.now() + limit).await }
        })
    }
}

/// Returns whether the exchange failed because the server had closed an idle connection, and the request may be sent
/// again on a new connection (RFC 9110, section 9.2.2).
///
/// No byte of a response may have arrived. In addition, the method is idempotent, or no byte of the request was
/// written, or the request was not written completely and no piece of its body was taken.
///
/// A request without a body has been received completely once its head has been received. That a POST has no body does
/// therefore not mean that it may be sent again.
///
/// A 408 with which the server closes the connection counts as well, for every method. Servers send it to an idle
/// connection, where it meets the next request. It says that the server has not received a complete request (RFC 9110,
/// section 15.5.9).
fn is_stale(outcome: &Result<TimedResponse>, connection: &Connection, method: &Method) -> bool {
    let error = match outcome {
        Ok(TimedResponse { response, .. }) => {
            return response.closes && connection.head.status == StatusCode::REQUEST_TIMEOUT;
        }
        Err(error) => error,
    };
    let closed = error.kind() == ErrorKind::ConnectionClosed && !connection.response_begun;
    let unprocessed = !connection.request_begun || !(connection.request_sent || connection.body_taken);
    closed && (method.is_idempotent() || unprocessed)
}
