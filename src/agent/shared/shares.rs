//! Shares of the connections of a pool: a stream for a request, or the wait for a stream.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, Weak};
use std::task::Poll;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{Either, select};

use super::places::{ConnectOutcome, NewConnection, PendingConnect, RunningConnect};
use super::wait::StreamWait;
use super::{ReservedStream, SharedPool};
use crate::agent::pool::key::{IdleLimits, PoolKey};
use crate::error::Result;
use crate::http1::{Connection, Http1Limits};
use crate::http2::{Http2Connection, Http2Settings, Http2Stream, OriginFields};
use crate::runtime::{Executor, Timer};
use crate::transport::Transport;

/// Maximum time between two looks at whether a connection has become idle.
const RECHECK: Duration = Duration::from_secs(30);

/// Minimum time for which a new connection waits for its first request, although idle connections are closed sooner.
const MIN_UNUSED: Duration = Duration::from_secs(1);

/// A request's stream on a shared connection. Dropping it gives the stream to the next request.
pub(in crate::agent) struct Share {
    // In this order: the server must not see more streams than it allows.
    // Boxed, because a share is moved several times on its way to the body.
    stream: Box<Http2Stream>,
    reserved: ReservedStream,
}

/// What the pool has for a request that may use a shared connection.
pub(super) enum Found {
    /// A stream.
    Share(Share),
    /// The server speaks HTTP/1.1.
    Http1,
    /// Another request connects; its connection may be for this request, too.
    Connecting(RunningConnect, Option<StreamWait>),
    /// No connection has a stream left, and another may be opened.
    Connect(Option<StreamWait>),
    /// No connection has a stream left, and no other may be opened.
    Full(StreamWait),
}

/// What a request needs to join a shared connection.
#[derive(Clone, Copy)]
pub(in crate::agent) struct ShareAccess<'a> {
    pub(super) pool: &'a Arc<SharedPool>,
    pub(super) key: &'a PoolKey,
    pub(super) limits: IdleLimits,
    pub(super) timer: &'a Arc<dyn Timer>,
}

impl ShareAccess<'_> {
    /// Takes a stream of a shared connection that is open already.
    pub(in crate::agent) fn take(self) -> Option<Share> {
        loop {
            let mut removed = Vec::new();
            let mut places = self.pool.lock();
            if places.is_empty() {
                return None;
            }
            let reserved = places.get_mut(self.key).and_then(|place| place.reserve(&mut removed));
            drop(places);
            drop(removed);
            let share = self.share(reserved?);
            // A connection without other requests may have been closed since: no request has read it.
            if share.connection().active() > 1 {
                return Some(share);
            }
            share.connection().look();
            if share.connection().is_usable() {
                return Some(share);
            }
        }
    }

    /// Finds a stream, or what the request has to wait for. There are at most `max` connections with the key.
    pub(super) fn find(self, max: usize) -> Found {
        if let Some(share) = self.take() {
            return Found::Share(share);
        }
        let mut removed = Vec::new();
        let mut gone = VecDeque::new();
        let mut places = self.pool.lock();
        let place = places.entry(self.key);
        if place.speaks_http2 == Some(false) {
            return Found::Http1;
        }
        // Under the same lock as the wait begins, because a stream may have become free meanwhile.
        if let Some(connection) = place.reserve(&mut removed) {
            drop(places);
            drop(removed);
            return Found::Share(self.share(connection));
        }
        let running = place.connecting.as_ref().and_then(PendingConnect::join);
        let connections = place.all();
        let receiver = (!connections.is_empty()).then(|| {
            let (sender, receiver) = oneshot::channel();
            // Requests that gave up leave when their number may have doubled, so that each is looked at a few times only.
            if place.waiting.len().is_power_of_two() {
                (gone, place.waiting) =
                    std::mem::take(&mut place.waiting).into_iter().partition(|waiter| waiter.is_canceled());
            }
            place.waiting.push_back(sender);
            receiver
        });
        drop(places);
        drop((removed, gone));
        let may_connect = connections.len() < max.max(1);
        let watched = connections.iter().map(Http2Connection::watch).collect();
        let wait = receiver.map(|receiver| StreamWait::new(receiver, watched));
        match (running, wait) {
            (Some(running), wait) => Found::Connecting(running, wait),
            (None, Some(wait)) if !may_connect => Found::Full(wait),
            (None, wait) => Found::Connect(wait),
        }
    }

    /// Makes the share of a stream that has been reserved.
    fn share(self, connection: Arc<Http2Connection>) -> Share {
        Share::new(ReservedStream {
            connection,
            pool: self.pool.clone(),
            key: self.key.clone(),
            limits: self.limits,
            timer: self.timer.clone(),
        })
    }
}

impl SharedPool {
    /// Records a connect that later requests may wait for. If another has begun meanwhile, returns that.
    pub(super) fn begin_connect(&self, key: &PoolKey, own: &RunningConnect) -> Option<RunningConnect> {
        let mut places = self.lock();
        let place = places.entry(key);
        let other = place.connecting.as_ref().and_then(PendingConnect::join);
        if other.is_none() {
            // What is replaced is a connect without a request: it has been dropped already.
            place.connecting = own.to_pending();
        }
        other
    }
}

/// What a connect needs to give its connection to the pool. It can outlive the request that began the connect.
pub(in crate::agent) struct PoolEntry {
    pub(in crate::agent) pool: Arc<SharedPool>,
    pub(in crate::agent) key: PoolKey,
    pub(in crate::agent) timer: Arc<dyn Timer>,
    pub(in crate::agent) executor: Option<Arc<dyn Executor>>,
    pub(in crate::agent) settings: Http2Settings,
    pub(in crate::agent) limits: Http1Limits,
    pub(in crate::agent) idle_timeout: Duration,
}

impl PoolEntry {
    /// Records that the connect has ended without a connection.
    pub(super) fn end_connect(&self) {
        let ended = self.pool.lock().get_mut(&self.key).and_then(|place| place.connecting.take());
        drop(ended);
    }

    /// Begins HTTP/2 on a transport that was opened for a single request.
    pub(in crate::agent) async fn add_http2(&self, transport: Box<dyn Transport>) -> Result<()> {
        self.open(transport).await.map(drop)
    }

    /// Begins HTTP/2 on a transport. The requests that wait for a stream look again.
    pub(super) async fn open(&self, transport: Box<dyn Transport>) -> ConnectOutcome {
        let origin = &self.key.origin;
        let authority = match origin.port() == origin.scheme().default_port() {
            true => origin.host().to_string(),
            false => format!("{}:{}", origin.host(), origin.port()),
        };
        let fields = OriginFields::new(origin.scheme().to_http(), &authority);
        let max_streams = self.pool.lock().entry(&self.key).max_streams;
        let timer = self.timer.clone();
        let connection =
            Http2Connection::open(transport, fields, self.settings, &self.limits, timer, max_streams).await?;
        let (pool, key) = (Arc::downgrade(&self.pool), self.key.clone());
        connection.set_on_change(move |max| {
            if let Some(pool) = pool.upgrade() {
                pool.set_max_streams(&key, max);
            }
        });
        let mut places = self.pool.lock();
        let place = places.entry(&self.key);
        connection.set_first_requests(place.first_requests);
        let expires_at = self.timer.now() + self.idle_timeout.max(MIN_UNUSED);
        let waiting = places.add(&self.key, connection.clone(), expires_at);
        let ended = places.entry(&self.key).connecting.take();
        drop(places);
        drop((waiting, ended));
        if let Some(executor) = &self.executor {
            let (pool, connection) = (Arc::downgrade(&self.pool), Arc::downgrade(&connection));
            let task = keep(pool, self.key.clone(), connection, self.timer.clone(), self.idle_timeout);
            executor.spawn(Box::pin(task));
        }
        Ok(NewConnection::Http2)
    }

    /// Records that the server speaks HTTP/1.1.
    pub(super) fn add_http1(&self, connection: Box<Connection>) -> NewConnection {
        let mut places = self.pool.lock();
        let place = places.entry(&self.key);
        place.speaks_http2 = Some(false);
        let waiting = std::mem::take(&mut place.waiting);
        let ended = place.connecting.take();
        drop(places);
        drop((waiting, ended));
        NewConnection::Http1(Arc::new(Mutex::new(Some(connection))))
    }
}

/// Drives a connection while no request does, and closes it when it has been idle too long.
async fn keep(
    pool: Weak<SharedPool>,
    key: PoolKey,
    connection: Weak<Http2Connection>,
    timer: Arc<dyn Timer>,
    idle_timeout: Duration,
) {
    let mut wake_at = timer.now();
    loop {
        let unusable = poll_fn(|cx| match (pool.upgrade(), connection.upgrade()) {
            (Some(_), Some(connection)) => connection.poll_idle(cx),
            _ => Poll::Ready(()),
        });
        let is_unusable = matches!(select(unusable, timer.sleep_until(wake_at)).await, Either::Left(_));
        let (Some(pool), Some(connection)) = (pool.upgrade(), connection.upgrade()) else { return };
        let now = timer.now();
        let mut places = pool.lock();
        let removed = match places.expiry(&key, &connection) {
            None => return,
            Some(expires_at) if is_unusable || expires_at.is_some_and(|at| at <= now) => {
                let waiting = places.get_mut(&key).map(|place| std::mem::take(&mut place.waiting));
                (places.remove(&key, &connection), waiting)
            }
            Some(expires_at) => {
                wake_at = expires_at.unwrap_or(now + idle_timeout.min(RECHECK));
                continue;
            }
        };
        drop(places);
        return drop(removed);
    }
}

impl Share {
    /// Joins the connection of a reserved stream.
    pub(super) fn new(reserved: ReservedStream) -> Self {
        Self { stream: Box::new(Http2Stream::new(reserved.connection.clone())), reserved }
    }

    /// Returns the stream.
    pub(super) fn stream(&mut self) -> &mut Http2Stream {
        &mut self.stream
    }

    /// Returns the connection of the stream.
    pub(super) fn connection(&self) -> &Arc<Http2Connection> {
        &self.reserved.connection
    }
}
