//! What an agent knows of the servers that speak HTTP/2, as plain state: no lock, no clock, no task.
//!
//! A place is what a key leads to: a server whose connections carry many requests at once, or a server without HTTP/2.
//! Removed connections and waiters are returned, not dropped, because both are foreign code. `W` delivers a stream to a
//! request that waits for a stream.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use futures::future::{Shared, WeakShared};
use http::Version;

use crate::agent::pool::key::{IdleLimits, PoolKey};
use crate::backend::OriginConnections;
use crate::error::Error;
use crate::http1::Connection;
use crate::http2::{FIRST_MAX_STREAMS, Http2Connection};
use crate::runtime::{Instant, StoredFuture};
use crate::transport::ConnectTrace;

/// Maximum number of places that are remembered although nothing uses them.
const MAX_REMEMBERED: usize = 1024;

/// All places of a pool.
pub(super) struct Places<W>(BTreeMap<PoolKey, Place<W>>);

/// What is known about a key.
pub(super) struct Place<W> {
    connections: Vec<PlacedConnection>,
    /// The connect that requests wait for. It ends when no request waits for it any more.
    pub(super) connecting: Option<PendingConnect>,
    /// Whether the last connection spoke HTTP/2; `None` if there has been none.
    pub(super) speaks_http2: Option<bool>,
    /// How many streams a new connection may have before its server has said so. A stream that the server does not allow
    /// is refused, and each request is sent three times at most.
    pub(super) max_streams: usize,
    /// How many requests a new connection gets before the first response.
    pub(super) first_requests: usize,
    /// The requests that wait for a stream, in their order.
    pub(super) waiting: VecDeque<W>,
}

/// A connect that requests share, while a request waits for it.
#[derive(Clone)]
pub(super) struct PendingConnect {
    future: WeakShared<StoredFuture<ConnectOutcome>>,
    trace: Arc<ConnectTrace>,
}

/// A connect that a request waits for.
pub(super) struct RunningConnect {
    pub(super) future: Shared<StoredFuture<ConnectOutcome>>,
    pub(super) trace: Arc<ConnectTrace>,
}

impl PendingConnect {
    /// Returns `None` if no request waits for the connect any more, or if it has ended.
    pub(super) fn join(&self) -> Option<RunningConnect> {
        Some(RunningConnect { future: self.future.upgrade()?, trace: self.trace.clone() })
    }
}

impl RunningConnect {
    /// Returns `None` if the connect has ended.
    pub(super) fn to_pending(&self) -> Option<PendingConnect> {
        Some(PendingConnect { future: self.future.downgrade()?, trace: self.trace.clone() })
    }
}

/// The result of a connect, for each request that waits for it.
pub(super) type ConnectOutcome = Result<NewConnection, Error>;

/// A new connection, before it is known which request uses it.
#[derive(Clone)]
pub(super) enum NewConnection {
    /// The pool has the connection.
    Http2,
    /// The first request takes the connection; the others open connections of their own.
    Http1(Arc<Mutex<Option<Box<Connection>>>>),
}

/// A connection that requests share.
struct PlacedConnection {
    connection: Arc<Http2Connection>,
    /// When the connection is closed; `None` while it carries requests.
    expires_at: Option<Instant>,
    /// Whether no request has used it yet. It is about to carry requests, so it does not count as idle.
    is_unused: bool,
}

impl PlacedConnection {
    /// Returns whether requests have used the connection, and it carries none now.
    fn is_idle(&self) -> bool {
        self.expires_at.is_some() && !self.is_unused
    }
}

/// Connections that left the pool. They are dropped outside of the lock.
pub(super) type RemovedConnections = Vec<Arc<Http2Connection>>;

impl<W> Default for Places<W> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<W> Default for Place<W> {
    fn default() -> Self {
        Self {
            connections: Vec::new(),
            connecting: None,
            speaks_http2: None,
            max_streams: FIRST_MAX_STREAMS,
            first_requests: usize::MAX,
            waiting: VecDeque::new(),
        }
    }
}

impl<W> Place<W> {
    /// Reserves a stream of a usable connection. Removes the connections that are not usable any more.
    pub(super) fn reserve(&mut self, removed: &mut RemovedConnections) -> Option<Arc<Http2Connection>> {
        let mut index = 0;
        while let Some(shared) = self.connections.get_mut(index) {
            if !shared.connection.is_usable() {
                removed.push(self.connections.swap_remove(index).connection);
            } else if shared.connection.reserve() {
                shared.expires_at = None;
                shared.is_unused = false;
                return Some(shared.connection.clone());
            } else {
                index += 1;
            }
        }
        None
    }

    /// Returns whether a connection is usable, even if it has no stream left.
    pub(super) fn has_usable(&self) -> bool {
        self.connections.iter().any(|shared| shared.connection.is_usable())
    }

    /// Returns the connections, for a request that waits for a stream.
    pub(super) fn all(&self) -> Vec<Arc<Http2Connection>> {
        self.connections.iter().map(|shared| shared.connection.clone()).collect()
    }

    /// Takes the requests that get a stream of a usable connection now. Requests that gave up go to `gone`.
    pub(super) fn reserve_for_waiting(
        &mut self,
        connection: &Http2Connection,
        is_gone: impl Fn(&W) -> bool,
        gone: &mut Vec<W>,
    ) -> Vec<W> {
        let mut served = Vec::new();
        while let Some(waiter) = self.waiting.pop_front() {
            if is_gone(&waiter) {
                gone.push(waiter);
            } else if connection.reserve() {
                served.push(waiter);
            } else {
                self.waiting.push_front(waiter);
                break;
            }
        }
        served
    }

    /// Learns from a connection that the server has retired how many requests the next connection gets at first.
    pub(super) fn learn(&mut self, retired: &Http2Connection) {
        match retired.taken_requests() {
            Some((taken, true)) => self.first_requests = taken,
            Some((taken, false)) => self.first_requests = self.first_requests.max(taken),
            None => {}
        }
    }

    fn is_unused(&self) -> bool {
        self.connections.is_empty() && self.connecting.is_none() && self.waiting.is_empty()
    }
}

impl<W> Places<W> {
    /// Returns whether nothing is known about any key, as in a program that speaks HTTP/1.1 alone.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get_mut(&mut self, key: &PoolKey) -> Option<&mut Place<W>> {
        self.0.get_mut(key)
    }

    /// Returns the place of a key, which is new if nothing is known about the key.
    pub(super) fn entry(&mut self, key: &PoolKey) -> &mut Place<W> {
        if self.0.len() >= MAX_REMEMBERED && !self.0.contains_key(key) {
            self.0.retain(|_, place| !place.is_unused());
        }
        self.0.entry(key.clone()).or_default()
    }

    /// Returns how many connections are open to each origin, of all routes together.
    pub(super) fn counts(&self) -> Vec<OriginConnections> {
        let mut all: Vec<OriginConnections> = Vec::new();
        for (key, place) in &self.0 {
            // The keys of an origin stand side by side.
            let is_same = all.last().is_some_and(|last| last.origin == key.origin);
            if !(is_same || place.connections.is_empty()) {
                let mut counts = OriginConnections::new(key.origin.clone());
                counts.version = Version::HTTP_2;
                all.push(counts);
            }
            let Some(counts) = all.last_mut().filter(|last| last.origin == key.origin) else { continue };
            let idle = place.connections.iter().filter(|placed| placed.connection.active() == 0).count();
            counts.idle += idle;
            counts.active += place.connections.len() - idle;
        }
        all
    }

    /// Adds a connection that is about to carry requests. Returns the requests that waited for a stream.
    ///
    /// If no request uses the connection, it is closed at `expires_at`: all requests may have found another connection.
    pub(super) fn add(&mut self, key: &PoolKey, connection: Arc<Http2Connection>, expires_at: Instant) -> VecDeque<W> {
        let place = self.entry(key);
        place.speaks_http2 = Some(true);
        place.connections.push(PlacedConnection { connection, expires_at: Some(expires_at), is_unused: true });
        std::mem::take(&mut place.waiting)
    }

    /// Records that a connection carries no request since `now`. Returns the connections that exceed the limits.
    pub(super) fn set_idle(
        &mut self,
        key: &PoolKey,
        connection: &Arc<Http2Connection>,
        limits: IdleLimits,
        now: Instant,
    ) -> RemovedConnections {
        if limits.total == 0 || limits.per_key == 0 || !connection.is_usable() {
            return self.remove(key, connection).into_iter().collect();
        }
        let Some(shared) = self.find(key, connection) else { return Vec::new() };
        shared.expires_at = Some(now + limits.timeout);
        let mut removed = Vec::new();
        while self.idle_count() > limits.total {
            let Some((_, key, connection)) = self.idle().min_by_key(|(expires_at, _, _)| *expires_at) else { break };
            removed.extend(self.remove(&key, &connection));
        }
        removed
    }

    /// Returns when a connection expires; `None` while it carries requests. The outer `None` means that it is not here.
    pub(super) fn expiry(&mut self, key: &PoolKey, connection: &Arc<Http2Connection>) -> Option<Option<Instant>> {
        self.find(key, connection).map(|shared| shared.expires_at)
    }

    /// Removes a connection.
    pub(super) fn remove(&mut self, key: &PoolKey, connection: &Arc<Http2Connection>) -> Option<Arc<Http2Connection>> {
        let connections = &mut self.0.get_mut(key)?.connections;
        let index = connections.iter().position(|shared| Arc::ptr_eq(&shared.connection, connection))?;
        Some(connections.swap_remove(index).connection)
    }

    fn find(&mut self, key: &PoolKey, connection: &Arc<Http2Connection>) -> Option<&mut PlacedConnection> {
        let connections = &mut self.0.get_mut(key)?.connections;
        connections.iter_mut().find(|shared| Arc::ptr_eq(&shared.connection, connection))
    }

    /// Returns the number of idle connections.
    fn idle_count(&self) -> usize {
        let connections = self.0.values().flat_map(|place| &place.connections);
        connections.filter(|shared| shared.is_idle()).count()
    }

    /// Returns the idle connections, and when they expire.
    fn idle(&self) -> impl Iterator<Item = (Instant, PoolKey, Arc<Http2Connection>)> {
        let of_place = |(key, place): (&PoolKey, &'_ Place<W>)| {
            let idle = place.connections.iter().filter(|shared| shared.is_idle());
            let idle = idle.filter_map(|shared| Some((shared.expires_at?, &shared.connection)));
            idle.map(|(at, connection)| (at, key.clone(), connection.clone())).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of_place)
    }
}
