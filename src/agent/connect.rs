//! How a request that finds no idle connection gets a connection: a share, a connection of its own, or a connection that
//! another request gives back first.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, select};
use http::Version;

use super::pool::handle::{Acquired, Waiter};
use super::pool::{BackgroundConnectGuard, Delivered};
use super::round_trip::RoundTrip;
use super::route::Route;
use super::shared::Share;
use crate::error::Result;
use crate::http1::Connection;
use crate::runtime::{BoxFuture, Instant};
use crate::transport::{ConnectTrace, Connector};

/// Maximum time a request waits for a background connect. It is the delay after which the next address of a host is
/// tried as well (RFC 8305, section 5).
const BACKGROUND_WAIT: Duration = Duration::from_millis(250);

/// A connection for a request, and where it comes from.
pub(super) struct PooledConnection {
    pub(super) connection: Box<Connection>,
    /// Whether the connection has carried an exchange before.
    pub(super) reused: bool,
}

impl PooledConnection {
    fn new(connection: Box<Connection>) -> Self {
        Self { connection, reused: false }
    }

    fn reused(connection: Box<Connection>) -> Self {
        Self { connection, reused: true }
    }
}

/// What carries a request that has found no idle connection.
pub(super) enum Carrier {
    Connection(PooledConnection),
    Share(Share),
}

/// What a server that may speak HTTP/2 has for a request.
#[allow(dead_code, reason = "without the feature `http2`, only the last is made")]
pub(super) enum Channel {
    /// A new connection for this request alone.
    Http1(Box<Connection>),
    /// A stream of a shared connection.
    Http2(Share),
    /// The server speaks HTTP/1.1, so the request takes an idle connection or opens its own.
    OwnConnection,
}

impl RoundTrip<'_> {
    /// Gets a share of a connection, or a connection for this request alone.
    pub(super) async fn connect_or_share(&self) -> Result<Carrier> {
        if let Some(share) = self.share_access().take() {
            return Ok(Carrier::Share(share));
        }
        loop {
            if self.connector().may_speak_http2(&self.key.origin) {
                match self.channel().await? {
                    Channel::Http2(share) => return Ok(Carrier::Share(share)),
                    Channel::Http1(connection) => return Ok(Carrier::Connection(PooledConnection::new(connection))),
                    Channel::OwnConnection => {}
                }
            }
            // A server that has spoken HTTP/1.1 may speak HTTP/2 on the next connection.
            if let Some(connection) = self.connect_or_wait().await? {
                return Ok(Carrier::Connection(connection));
            }
        }
    }

    /// Opens a connection, or takes a connection that another request gives back first. Returns `None` if the new
    /// connection is shared: the pool has it.
    ///
    /// Opening a connection for every request that finds none idle would open as many as there are requests: with fast
    /// responses and a single slow connect, 100 requests in two slots began 100 connects. With background connects
    /// there are no more connections than requests at once, while no background connect takes longer than
    /// [`BACKGROUND_WAIT`].
    async fn connect_or_wait(&self) -> Result<Option<PooledConnection>> {
        let _connecting = self.progress.connecting();
        // Taken once: the connect timeout also covers the waits for background connects.
        let started = self.agent.timer.now();
        let mut may_wait_for_background = true;
        let mut waiter = loop {
            match self.pool_access().to_handle().acquire(may_wait_for_background) {
                Acquired::Idle(connection) => return Ok(Some(PooledConnection::reused(connection))),
                Acquired::Connect(waiter) => break waiter,
                Acquired::WaitForBackground(waiter) => match self.wait_for_background(waiter, started).await {
                    Some(connection) => return Ok(Some(PooledConnection::reused(connection))),
                    None => may_wait_for_background = self.agent.timer.now() < started + self.background_wait(),
                },
            }
        };
        // The connect timeout began with the wait for a background connect.
        let mut connecting = self.connect(started);
        match select(&mut connecting, &mut waiter).await {
            Either::Right((Some(Delivered { connection, background, .. }), _)) => {
                self.finish_in_background(connecting, background);
                Ok(Some(PooledConnection::reused(connection)))
            }
            // The pool tells only requests that wait for a background connect to acquire again.
            Either::Right((None, _)) => Ok(connecting.await?.map(PooledConnection::new)),
            Either::Left((Ok(connection), _)) => Ok(connection.map(PooledConnection::new)),
            // A connection may have been delivered at the same moment.
            Either::Left((Err(error), waiter)) => match waiter.now_or_never().flatten() {
                Some(delivered) => Ok(Some(PooledConnection::reused(delivered.connection))),
                None => Err(error),
            },
        }
    }

    /// Waits for the result of a background connect. Returns `None` if the connect fails or takes too long.
    async fn wait_for_background(&self, waiter: Waiter, started: Instant) -> Option<Box<Connection>> {
        let limit = self.agent.timer.sleep_until(started + self.background_wait());
        match select(waiter, limit).await {
            Either::Left((delivered, _)) => delivered.map(|delivered| delivered.connection),
            Either::Right((_, waiter)) => {
                waiter.give_up();
                None
            }
        }
    }

    /// Returns how long this request may wait for background connects, counted from the beginning of its own
    /// connecting.
    ///
    /// The wait is bounded because this request cannot drive the background connect. An executor drives it and may not
    /// run, or another request drives it and may not be polled.
    fn background_wait(&self) -> Duration {
        self.connect_limit().map_or(BACKGROUND_WAIT, |limit| BACKGROUND_WAIT.min(limit / 2))
    }

    /// Lets the executor finish a connect that this request does not need, for other requests. Without an executor the
    /// connect is dropped.
    fn finish_in_background(
        &self,
        connecting: BoxFuture<'static, Result<Option<Box<Connection>>>>,
        background: Option<BackgroundConnectGuard>,
    ) {
        let Some(executor) = &self.agent.executor else {
            // In this order: dropping `background` makes a request connect that has waited for it, and the server must
            // not see both connects at once.
            drop(connecting);
            return drop(background);
        };
        let pool = self.pool_access().to_handle();
        executor.spawn(Box::pin(async move {
            if let Ok(Some(connection)) = connecting.await {
                pool.give_back(connection);
            }
            drop(background);
        }));
    }

    /// Returns what opens connections for this request.
    pub(super) fn connector(&self) -> &Arc<dyn Connector> {
        self.key.route.as_ref().map_or(&self.agent.connector, Route::connector)
    }

    pub(super) fn connect_limit(&self) -> Option<Duration> {
        self.request.options().connect_timeout.filter(|limit| !limit.is_zero())
    }

    /// Opens a connection within the connect timeout, which began at `started`. Returns `None` if the connection is shared:
    /// the pool has it.
    pub(super) fn connect(&self, started: Instant) -> BoxFuture<'static, Result<Option<Box<Connection>>>> {
        let connector = self.connector().clone();
        let entry = self.pool_entry();
        let limit = self.connect_limit();
        let open = self.agent.open.clone();
        Box::pin(async move {
            let trace = ConnectTrace::new();
            let connecting = connector.connect_traced(&entry.key.origin, &trace);
            let transport = match limit {
                None => connecting.await?,
                Some(duration) => match select(connecting, entry.timer.sleep_until(started + duration)).await {
                    Either::Left((transport, _)) => transport?,
                    Either::Right(_) => {
                        return Err(trace.timed_out(&entry.key.target(), duration, entry.timer.now().since(started)));
                    }
                },
            };
            if transport.version() == Version::HTTP_2 {
                entry.add_http2(transport).await?;
                return Ok(None);
            }
            let connection = Connection::new(transport).counted(open.token(&entry.key.origin));
            Ok(Some(Box::new(connection)))
        })
    }
}
