//! How a request gets a connection to a server that may speak HTTP/2.
//!
//! The first request connects, and the others wait for what its connection speaks: 64 requests at once make a single
//! connection. Each waiting request polls the connect, so it goes on when the first request is dropped or not polled.

use std::future::Future;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::channel::oneshot::Canceled;
use futures::future::{Either, select};
use http::Version;

use super::ReservedStream;
use super::places::{ConnectOutcome, NewConnection, RunningConnect};
use super::shares::{Found, PoolEntry, Share, ShareAccess};
use super::wait::{Awaited, StreamWait};
use crate::agent::connect::Channel;
use crate::agent::round_trip::RoundTrip;
use crate::error::{Error, Phase, Result, Timeout};
use crate::http1::Connection;
use crate::runtime::{BoxFuture, Instant, store};
use crate::transport::ConnectTrace;

/// Maximum wait of a request that a connection holds back, see `http2/allowance.rs`.
const ALLOWANCE_PATIENCE: Duration = Duration::from_secs(1);

impl RoundTrip<'_> {
    /// Returns a stream of a shared connection, or the connection that was opened for it. The connect limit covers all
    /// waits.
    pub(in crate::agent) async fn channel(&self) -> Result<Channel> {
        let _connecting = self.progress.connecting();
        let started = self.agent.timer.now();
        let mut max = self.config.http2.connections;
        let mut kept = None;
        loop {
            let found = self.share_access().find(max);
            // A connect that this request has begun goes on, unless there is a stream now.
            drop(kept.take());
            let (running, wait) = match found {
                Found::Share(share) => return Ok(Channel::Http2(share)),
                Found::Http1 => return Ok(Channel::OwnConnection),
                Found::Connect(wait) => (self.begin_connect(), wait),
                Found::Connecting(running, wait) => (running, wait),
                Found::Full(wait) => {
                    let wait = Box::pin(self.stream_or_lift(wait));
                    match self.within_connect_limit(wait, started, |elapsed| self.full(elapsed)).await? {
                        Ok(reserved) => return Ok(Channel::Http2(Share::new(reserved))),
                        // Something has changed: another connection, or the end of a connection.
                        Err(_) => continue,
                    }
                }
            };
            let RunningConnect { future, trace } = running;
            let limit = self.connect_limit().unwrap_or_default();
            let timed_out = |elapsed| trace.timed_out(&self.key.target(), limit, elapsed);
            // A stream of another connection may become free before the new connection is there.
            let awaited = Box::pin(StreamWait::or_connect(wait, future.clone()));
            match self.within_connect_limit(awaited, started, timed_out).await? {
                Awaited::Stream(Ok(reserved)) => return Ok(Channel::Http2(Share::new(reserved))),
                Awaited::Stream(Err(_)) => kept = Some(future),
                Awaited::Connection(Ok(NewConnection::Http2)) => {}
                Awaited::Connection(Ok(NewConnection::Http1(connection))) => {
                    let connection = connection.lock().unwrap_or_else(PoisonError::into_inner).take();
                    return Ok(connection.map_or(Channel::OwnConnection, Channel::Http1));
                }
                // The server may allow a single connection. The request waits for a stream of it.
                Awaited::Connection(Err(_)) if self.agent.shared.has_connection(&self.key) => max = 1,
                Awaited::Connection(Err(error)) => return Err(error),
            }
        }
    }

    /// Waits for a stream. If connections hold requests back for too long, lets the requests begin.
    async fn stream_or_lift(&self, wait: StreamWait) -> std::result::Result<ReservedStream, Canceled> {
        let timer = &self.agent.timer;
        match select(wait, timer.sleep_until(timer.now() + ALLOWANCE_PATIENCE)).await {
            Either::Left((reserved, _)) => reserved,
            Either::Right((_, wait)) => {
                // If it lifts an allowance, this wait ends: the request looks again.
                self.agent.shared.lift_allowances(&self.key);
                wait.await
            }
        }
    }

    /// Returns the access to the pool's shared connections for this request.
    pub(in crate::agent) fn share_access(&self) -> ShareAccess<'_> {
        ShareAccess { pool: &self.agent.shared, key: &self.key, limits: self.config.idle, timer: &self.agent.timer }
    }

    /// Begins a connect that other requests may wait for, or joins a connect that has begun meanwhile.
    fn begin_connect(&self) -> RunningConnect {
        let trace = Arc::new(ConnectTrace::new());
        let future = store(self.shared_connect(trace.clone())).shared();
        let own = RunningConnect { future, trace };
        self.agent.shared.begin_connect(&self.key, &own).unwrap_or(own)
    }

    /// Opens a connection for all requests that wait for it.
    fn shared_connect(&self, trace: Arc<ConnectTrace>) -> BoxFuture<'static, ConnectOutcome> {
        let connector = self.connector().clone();
        let entry = self.pool_entry();
        let open = self.agent.open.clone();
        Box::pin(async move {
            let opened = connector.connect_traced(&entry.key.origin, &trace).await;
            let outcome = match opened {
                Ok(transport) if transport.version() == Version::HTTP_2 => entry.open(transport).await,
                Ok(transport) => {
                    let connection = Connection::new(transport).counted(open.token(&entry.key.origin));
                    Ok(entry.add_http1(Box::new(connection)))
                }
                Err(error) => Err(error),
            };
            if outcome.is_err() {
                entry.end_connect();
            }
            outcome
        })
    }

    /// Returns what a connect needs to give its connection to the pool.
    pub(in crate::agent) fn pool_entry(&self) -> PoolEntry {
        PoolEntry {
            pool: self.agent.shared.clone(),
            key: self.key.clone(),
            timer: self.agent.timer.clone(),
            executor: self.agent.executor.clone(),
            settings: self.config.http2,
            limits: self.config.http1,
            idle_timeout: self.config.idle.timeout,
        }
    }

    /// Waits for `future` within the connect limit, which began at `started`.
    async fn within_connect_limit<F: Future + Unpin>(
        &self,
        future: F,
        started: Instant,
        timed_out: impl FnOnce(Duration) -> Error,
    ) -> Result<F::Output> {
        let Some(limit) = self.connect_limit() else { return Ok(future.await) };
        match select(future, self.agent.timer.sleep_until(started + limit)).await {
            Either::Left((output, _)) => Ok(output),
            Either::Right(_) => Err(timed_out(self.agent.timer.now().since(started))),
        }
    }

    /// Returns the error of a request that waited too long for a stream.
    fn full(&self, elapsed: Duration) -> Error {
        let limit = self.connect_limit().unwrap_or_default();
        let message = format!(
            "no stream to {} became free within {limit:?}: the server allows no more streams (MAX_CONCURRENT_STREAMS) on \
             the {} connections that the client may open",
            self.key.target(),
            self.config.http2.connections,
        );
        Error::timed_out(Phase::Connect, Timeout::Connect, limit, elapsed).with_message(message)
    }
}
