//! The idle connections of a pool, as plain state: no lock, no clock, no task.
//!
//! Removed connections and keys are returned, not dropped. A connection's transport and the route in a key are foreign
//! code, and the pool must not run foreign code while it holds its lock.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::channel::oneshot;

use super::key::{IdleLimits, PoolKey};
use crate::http1::Connection;
use crate::message::url::Origin;
use crate::runtime::Instant;

/// Minimum time between two searches for expired connections that `insert` makes.
const PRUNE_INTERVAL: Duration = Duration::from_secs(1);

/// All idle connections of a pool.
#[derive(Default)]
pub(super) struct IdleConnections {
    /// The idle connections of each key, in the order in which they became idle.
    by_key: BTreeMap<PoolKey, Vec<IdleConnection>>,
    /// The number of idle connections with any key.
    count: usize,
    /// When `insert` last removed expired connections.
    last_prune: Instant,
    /// The id of the newest idle connection.
    last_id: u64,
}

/// An idle connection.
pub(super) struct IdleConnection {
    /// `None` while the idle reaper has borrowed the connection to poll it outside of the lock.
    connection: Option<Box<Connection>>,
    /// Grows from connection to connection: the lowest id has been idle longest.
    id: u64,
    idle_since: Instant,
    expires_at: Instant,
    /// Present once the idle reaper watches the connection. Dropping the sender ends the watch.
    watch: Option<oneshot::Sender<()>>,
}

/// What has been removed, to be dropped after the lock is released.
#[derive(Default)]
pub(super) struct Removed {
    connections: Vec<IdleConnection>,
    /// Keys without connections. A key may hold the last reference to a route.
    keys: Vec<PoolKey>,
}

/// An idle connection that the idle reaper has to watch from now on.
pub(super) struct WatchTarget {
    pub(super) key: PoolKey,
    pub(super) id: u64,
    /// Completes when the connection leaves the pool.
    pub(super) removed: oneshot::Receiver<()>,
}

/// The state of all idle connections at a moment.
pub(super) enum Sweep {
    /// There are no idle connections.
    Empty,
    /// There are idle connections.
    Idle {
        /// The connections that are newly to be watched.
        targets: Vec<WatchTarget>,
        /// When the first idle connection expires.
        first_expiry: Instant,
    },
}

impl IdleConnection {
    /// Returns whether the idle reaper watches the connection. An executor that drops the reaper ends its watches.
    fn is_watched(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| !watch.is_canceled())
    }

    /// Returns the connection unless it has expired.
    pub(super) fn take_unexpired(&mut self, now: Instant) -> Option<Box<Connection>> {
        self.connection.take().filter(|_| now < self.expires_at)
    }
}

impl IdleConnections {
    /// Removes the most recently used connection with this key. Borrowed connections are skipped.
    pub(super) fn pop(&mut self, key: &PoolKey) -> Option<IdleConnection> {
        let connections = self.by_key.get_mut(key)?;
        // The most recently used connection is the least likely to have been closed by the server.
        let newest = connections.iter().rposition(|idle| idle.connection.is_some())?;
        self.count -= 1;
        Some(connections.remove(newest))
    }

    /// Returns whether `pop` would return a connection.
    pub(super) fn contains(&self, key: &PoolKey) -> bool {
        let Some(connections) = self.by_key.get(key) else { return false };
        connections.iter().any(|idle| idle.connection.is_some())
    }

    /// Adds a connection. To keep the limits, it removes the connections that have been idle longest.
    pub(super) fn insert(
        &mut self,
        key: &PoolKey,
        connection: Box<Connection>,
        limits: IdleLimits,
        now: Instant,
    ) -> Removed {
        let mut removed = Removed::default();
        // Without an executor there is no idle reaper, so inserting removes expired connections. It visits all
        // connections, hence at most once a second.
        if now.since(self.last_prune) >= PRUNE_INTERVAL {
            self.last_prune = now;
            removed = self.remove_expired(now);
        }
        // A loop, because the limit comes from the request: an earlier request may have had a higher limit.
        while self.count >= limits.total {
            removed.connections.extend(self.remove_oldest());
        }
        self.last_id += 1;
        // The server's own limit counts if it is shorter: a request that is sent as the server closes is lost.
        let timeout = connection.idle_limit().map_or(limits.timeout, |server| server.min(limits.timeout));
        let idle = IdleConnection {
            connection: Some(connection),
            id: self.last_id,
            idle_since: now,
            expires_at: now + timeout,
            watch: None,
        };
        // Looked up before `entry`: the key is cloned only for its first connection.
        let connections = match self.by_key.get_mut(key) {
            Some(connections) => connections,
            None => self.by_key.entry(key.clone()).or_default(),
        };
        if connections.len() >= limits.per_key {
            // The first connection of a key has been idle longest.
            removed.connections.push(connections.remove(0));
            self.count -= 1;
        }
        connections.push(idle);
        self.count += 1;
        removed
    }

    /// Borrows a connection, to poll it outside of the lock. No request can take the connection meanwhile.
    pub(super) fn borrow(&mut self, key: &PoolKey, id: u64) -> Option<Box<Connection>> {
        let connections = self.by_key.get_mut(key)?;
        connections.iter_mut().find(|idle| idle.id == id)?.connection.take()
    }

    /// Puts a borrowed connection back. Returns it if its entry has been removed meanwhile.
    pub(super) fn put_back(&mut self, key: &PoolKey, id: u64, connection: Box<Connection>) -> Option<Box<Connection>> {
        let entry = self.by_key.get_mut(key).and_then(|connections| connections.iter_mut().find(|idle| idle.id == id));
        match entry {
            Some(idle) => {
                idle.connection = Some(connection);
                None
            }
            None => Some(connection),
        }
    }

    /// Removes a connection, unless it has been removed already.
    pub(super) fn remove(&mut self, key: &PoolKey, id: u64) -> Option<IdleConnection> {
        let connections = self.by_key.get_mut(key)?;
        let index = connections.iter().position(|idle| idle.id == id)?;
        self.count -= 1;
        Some(connections.remove(index))
    }

    /// Removes the expired connections, and the keys that have no connection left.
    pub(super) fn remove_expired(&mut self, now: Instant) -> Removed {
        let mut removed = Removed::default();
        // Taken apart and not `retain`: expired connections and unused keys have to leave the lock before they are
        // dropped.
        for (key, connections) in std::mem::take(&mut self.by_key) {
            let (expired, kept): (Vec<_>, Vec<_>) = connections.into_iter().partition(|idle| idle.expires_at <= now);
            removed.connections.extend(expired);
            if kept.is_empty() {
                removed.keys.push(key);
            } else {
                self.by_key.insert(key, kept);
            }
        }
        self.count -= removed.connections.len();
        removed
    }

    /// Removes the connection that has been idle longest.
    fn remove_oldest(&mut self) -> Option<IdleConnection> {
        let oldest_id = |connections: &&mut Vec<IdleConnection>| connections.first().map(|idle| idle.id);
        let used = self.by_key.values_mut().filter(|connections| !connections.is_empty());
        let connections = used.min_by_key(oldest_id)?;
        self.count -= 1;
        Some(connections.remove(0))
    }

    /// Marks the connections that have been idle since `idle_before` or longer as watched. Returns the connections that
    /// are newly watched.
    pub(super) fn watch(&mut self, idle_before: Instant) -> Sweep {
        let mut targets = Vec::new();
        let mut first_expiry: Option<Instant> = None;
        for (key, connections) in &mut self.by_key {
            for idle in connections {
                first_expiry = Some(first_expiry.map_or(idle.expires_at, |first| first.min(idle.expires_at)));
                if !idle.is_watched() && idle.idle_since <= idle_before {
                    let (sender, removed) = oneshot::channel();
                    idle.watch = Some(sender);
                    targets.push(WatchTarget { key: key.clone(), id: idle.id, removed });
                }
            }
        }
        match first_expiry {
            Some(first_expiry) => Sweep::Idle { targets, first_expiry },
            None => Sweep::Empty,
        }
    }

    /// Returns whether the idle reaper watches every connection.
    pub(super) fn all_watched(&self) -> bool {
        self.by_key.values().flatten().all(IdleConnection::is_watched)
    }

    /// Returns the number of idle connections of each origin, of all routes together.
    pub(super) fn counts(&self) -> BTreeMap<Origin, usize> {
        let mut counts = BTreeMap::new();
        for (key, connections) in &self.by_key {
            *counts.entry(key.origin.clone()).or_default() += connections.len();
        }
        counts
    }

    /// Returns whether there is no idle connection.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }
}
