//! The connection pool of an agent: its idle connections, and the requests that wait for a connection.
//!
//! HTTP/1.1 carries a single exchange at a time. A connection therefore belongs to a single request, or it is idle in
//! the pool. HTTP/2 carries many, see `agent::shared`.
//! Connections with the same [`PoolKey`] (origin and route) are interchangeable.
//!
//! How a request gets a connection:
//! 1. [`Pool::take`] gives it an idle connection that still looks open.
//! 2. Without an idle connection, [`Pool::take_or_wait`] adds the request to the [`Waiters`] of its key. The request
//!    also opens a connection of its own, and uses the connection that is ready first.
//! 3. [`Pool::put`] receives a connection at the end of its exchange. It delivers the connection to the request that
//!    has waited longest. If no request waits, the connection becomes idle. A connection that no longer looks open is
//!    not delivered; the requests keep their places.
//! 4. A request that receives a delivered connection has no use for the connection it was opening. That unfinished
//!    connect becomes a background connect, which a [`BackgroundConnectGuard`] counts. An executor finishes it, and
//!    `put` receives the result; without an executor it is dropped at once.
//! 5. A single later request per background connect waits for it and opens no connection. It waits at most 250 ms
//!    (`BACKGROUND_WAIT` in `round_trip`), or half of a connect timeout below 500 ms. Then it connects itself.
//!
//! The state is behind a single lock. Foreign code never runs while the lock is held: a connection's transport, the
//! connector in a route, and the waker behind a sender may all call back into the pool. Each method therefore changes
//! the state, releases the lock, and only then drops or uses what it took out.
//!
//! The files import each other without a circle: `key`, `waiters` and `idle` are plain data; `reaper_signal` is what is
//! needed to start and wake the idle reaper; this file has the lock; `idle_reaper` watches idle connections; `handle` is
//! what requests use.

pub(super) mod handle;
mod idle;
mod idle_reaper;
pub(super) mod key;
mod reaper_signal;
#[cfg(test)]
#[cfg(panic = "unwind")]
mod thread_models;
mod waiters;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::channel::oneshot;

use self::idle::{IdleConnections, Sweep};
use self::key::{IdleLimits, PoolKey};
use self::reaper_signal::ReaperSignal;
use self::waiters::{FirstWaiter, WaitMode, Waiters};
use crate::http1::Connection;
use crate::message::url::Origin;
use crate::runtime::lock::Lock;
use crate::runtime::sync::MutexGuard;
use crate::runtime::{Executor, Instant, Timer};

/// The connection pool of an agent.
#[derive(Default)]
pub(super) struct Pool {
    state: Lock<PoolState>,
    /// What is needed to start and wake the idle reaper; `None` without an executor.
    reaper: Option<ReaperSignal>,
}

/// What the lock protects.
#[derive(Default)]
struct PoolState {
    idle: IdleConnections,
    /// The waiting requests of each key that has any.
    waiters: BTreeMap<PoolKey, Waiters<DeliverySender>>,
    /// The serial number of the newest waiting request. It counts for all keys: a [`Waiters`] is removed when it is
    /// empty, and a new map entry must not use a number that a request still holds.
    last_serial: u64,
}

/// Delivers a connection to a waiting request. Dropping it makes the request call [`PoolHandle::acquire`] again.
///
/// [`PoolHandle::acquire`]: handle::PoolHandle::acquire
type DeliverySender = oneshot::Sender<Delivered>;

/// A connection that another request has given back, on its way to a waiting request.
pub(super) struct Delivered {
    pub(super) connection: Box<Connection>,
    /// When the connection was given back.
    idle_since: Instant,
    /// Present if the receiving request was opening a connection: that connect is now a background connect.
    pub(super) background: Option<BackgroundConnectGuard>,
}

impl Delivered {
    /// Returns when the server may close the connection, if it has announced a limit.
    fn expires_at(&self) -> Option<Instant> {
        self.connection.idle_limit().map(|limit| self.idle_since + limit)
    }
}

/// A request that has been added to the waiters.
struct Queued {
    serial: u64,
    mode: WaitMode,
}

/// What became of a connection that was put into the pool.
enum PutOutcome {
    /// A waiting request has the connection.
    Delivered,
    /// The connection is idle.
    Idle,
    /// The connection was closed: the limits allow no idle connections, or it cannot carry another request.
    Closed,
}

/// Counts a background connect; the connect itself is elsewhere. Dropping it records that the connect has ended,
/// successful or not.
pub(super) struct BackgroundConnectGuard {
    pool: Arc<Pool>,
    key: PoolKey,
}

impl Drop for BackgroundConnectGuard {
    fn drop(&mut self) {
        self.pool.end_background_connect(&self.key);
    }
}

impl Pool {
    /// Creates a pool whose idle reaper runs on `executor`.
    pub(super) fn with_reaper(executor: Arc<dyn Executor>, timer: Arc<dyn Timer>) -> Self {
        Self { state: Lock::default(), reaper: Some(ReaperSignal::new(executor, timer)) }
    }

    /// Takes the most recently used idle connection that still looks open. Closes the idle connections that do not.
    ///
    /// HTTP/1.1 hands out a whole connection. A connection of HTTP/2 is shared, see `agent::shared`.
    pub(super) fn take(&self, key: &PoolKey, now: Instant) -> Option<Box<Connection>> {
        loop {
            // The lock is released at the end of this line: `is_idle` below calls the transport.
            let mut idle = self.lock().idle.pop(key)?;
            if let Some(mut connection) = idle.take_unexpired(now) {
                if connection.is_idle() {
                    return Some(connection);
                }
            }
        }
    }

    /// Takes an idle connection, or adds the request to the waiters of its key.
    fn take_or_wait(
        &self,
        key: &PoolKey,
        now: Instant,
        sender: DeliverySender,
        may_wait_for_background: bool,
    ) -> Result<Box<Connection>, Queued> {
        loop {
            if let Some(connection) = self.take(key, now) {
                return Ok(connection);
            }
            let mut state = self.lock();
            // A connection may have become idle since `take` released the lock.
            if state.idle.contains(key) {
                continue;
            }
            state.last_serial += 1;
            let serial = state.last_serial;
            let waiters = state.waiters.entry(key.clone()).or_insert_with(Waiters::new);
            let mode = waiters.add(serial, sender, may_wait_for_background);
            return Err(Queued { serial, mode });
        }
    }

    /// Adds a request to the waiters again, in its previous place, because the connection that was delivered to it cannot
    /// carry a request. The request still opens a connection of its own.
    fn wait_again(&self, key: &PoolKey, serial: u64, sender: DeliverySender) {
        let mut state = self.lock();
        // Serial numbers order the waiters, so the old number is the old place.
        state.waiters.entry(key.clone()).or_insert_with(Waiters::new).add(serial, sender, false);
    }

    /// Removes a request from the waiters, if it is still there.
    fn stop_waiting(&self, key: &PoolKey, serial: u64) {
        // The lock is a temporary of this statement. The named binding drops the sender, and its waker, after the lock is
        // released; `let _ =` would drop them while the lock is held.
        let _sender = self.lock().with_waiters(key, |waiters| waiters.remove(serial));
    }

    /// Records that a request has waited too long for a background connect.
    fn mark_overdue(&self, key: &PoolKey) {
        self.lock().with_waiters(key, |waiters| {
            waiters.mark_overdue();
            None::<()>
        });
    }

    /// Records the end of a background connect. A request that waited for it in vain calls `acquire` again.
    fn end_background_connect(&self, key: &PoolKey) {
        // Named, so that the sender is dropped after the lock is released.
        let _sender = self.lock().with_waiters(key, Waiters::end_background_connect);
    }

    /// Delivers a reusable connection to the request that has waited longest, or keeps it idle. Closes the idle
    /// connections that exceed `limits`, the limits of the request that gives the connection back. If a request waits and
    /// the connection no longer looks open, closes the connection. The connection has been idle since `idle_since`.
    fn put(
        self: &Arc<Self>,
        key: &PoolKey,
        mut connection: Box<Connection>,
        limits: IdleLimits,
        idle_since: Instant,
    ) -> PutOutcome {
        let mut is_checked = false;
        loop {
            let mut state = self.lock();
            if !is_checked && state.has_waiter(key) {
                drop(state);
                // The same check as in `take`: a server that answers HEAD with a body would give the next request its
                // response. Without a waiter `take` makes the check, which costs a system call, when a request comes.
                if !connection.is_idle() {
                    return PutOutcome::Closed;
                }
                is_checked = true;
                continue;
            }
            let Some(FirstWaiter { sender, mode }) = state.with_waiters(key, Waiters::pop_first) else {
                if limits.total == 0 || limits.per_key == 0 {
                    // `connection`, a parameter, is dropped after `state`, a local variable: outside of the lock.
                    return PutOutcome::Closed;
                }
                let removed = state.idle.insert(key, connection, limits, idle_since);
                drop(state);
                drop(removed);
                return PutOutcome::Idle;
            };
            drop(state);
            let background = match mode {
                WaitMode::Connect => Some(BackgroundConnectGuard { pool: self.clone(), key: key.clone() }),
                WaitMode::ForBackground => None,
            };
            match sender.send(Delivered { connection, idle_since, background }) {
                Ok(()) => return PutOutcome::Delivered,
                // The request was dropped meanwhile, and its connect with it: dropping the rest of `back` ends the
                // background connect. The connection goes to the next request.
                Err(back) => connection = back.connection,
            }
        }
    }

    /// Closes expired connections. Marks connections that have been idle since `idle_before` as watched. Returns the
    /// newly watched connections and the first expiry.
    fn sweep(&self, idle_before: Instant, now: Instant) -> Sweep {
        let mut state = self.lock();
        let removed = state.idle.remove_expired(now);
        let sweep = state.idle.watch(idle_before);
        drop(state);
        drop(removed);
        sweep
    }

    /// Waits until an idle connection has left the pool. Removes it if the server has closed it or has sent something.
    fn poll_removed(&self, key: &PoolKey, id: u64, cx: &mut Context<'_>) -> Poll<()> {
        // Polling calls the transport, so it happens on a borrowed connection, outside of the lock.
        let Some(mut connection) = self.lock().idle.borrow(key, id) else { return Poll::Ready(()) };
        if connection.poll_unfit(cx).is_ready() {
            // Named, so that the connection is dropped after the lock is released.
            let _removed = self.lock().idle.remove(key, id);
            return Poll::Ready(());
        }
        let mut state = self.lock();
        if let Some(connection) = state.idle.put_back(key, id, connection) {
            drop(state);
            drop(connection);
            return Poll::Ready(());
        }
        // A request that came meanwhile could not see the borrowed connection. It may be waiting for a background
        // connect now, so it looks again.
        let sender = state.with_waiters(key, Waiters::pop_first_for_background);
        drop(state);
        drop(sender);
        Poll::Pending
    }

    /// Returns whether the idle reaper watches every idle connection.
    fn all_watched(&self) -> bool {
        self.lock().idle.all_watched()
    }

    /// Returns the number of idle connections of each origin, of all routes together.
    pub(super) fn idle_counts(&self) -> BTreeMap<Origin, usize> {
        self.lock().idle.counts()
    }

    /// Returns whether there is no idle connection.
    fn is_empty(&self) -> bool {
        self.lock().idle.is_empty()
    }

    fn reaper(&self) -> Option<&ReaperSignal> {
        self.reaper.as_ref()
    }

    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock()
    }
}

impl PoolState {
    /// Returns whether a request waits for a connection with this key.
    fn has_waiter(&self, key: &PoolKey) -> bool {
        self.waiters.get(key).is_some_and(Waiters::has_waiter)
    }

    /// Changes the waiters of a key, if there are any. Removes them from the map once nothing is left to remember.
    fn with_waiters<T>(
        &mut self,
        key: &PoolKey,
        change: impl FnOnce(&mut Waiters<DeliverySender>) -> Option<T>,
    ) -> Option<T> {
        if self.waiters.is_empty() {
            return None;
        }
        let waiters = self.waiters.get_mut(key)?;
        let outcome = change(waiters);
        if waiters.is_empty() {
            // This drops the key under the lock. It never holds the last reference to its route: the caller has a clone.
            self.waiters.remove(key);
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::url::Url;

    #[test]
    fn removing_a_waiter_does_not_search_the_others() {
        // A search through all waiters each time would take 5 * 10^9 steps.
        const WAITING: usize = 100_000;
        let pool = Pool::default();
        let key = PoolKey { origin: Url::parse("http://example.com/").unwrap().origin(), route: None };
        let wait = |_| pool.take_or_wait(&key, Instant::default(), oneshot::channel().0, true).err().unwrap();
        let queued: Vec<_> = (0..WAITING).map(wait).collect();
        assert!(!pool.lock().waiters.is_empty());
        for Queued { serial, mode } in queued {
            assert_eq!(mode, WaitMode::Connect);
            pool.stop_waiting(&key, serial);
        }
        assert!(pool.lock().waiters.is_empty());
    }
}
