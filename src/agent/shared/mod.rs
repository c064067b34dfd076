//! The connections of HTTP/2, which requests share.
//!
//! - `places` knows which server speaks HTTP/2, and the connections to it.
//! - `shares` gives streams to requests. `wait` is the wait for a stream.
//! - `connect` opens a connection for all requests that wait for it.
//! - `trip` takes a request to the head of its response, on a connection or, if a server has not processed it, on
//!   another. `body` receives the body.

mod body;
mod connect;
mod places;
mod shares;
mod trip;
mod wait;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;

use self::places::Places;
pub(super) use self::shares::Share;
use super::pool::key::{IdleLimits, PoolKey};
use crate::backend::OriginConnections;
use crate::http2::{FIRST_MAX_STREAMS, Http2Connection};
pub(super) use crate::http2::{Http2Settings, set_connections, set_windows};
use crate::runtime::Timer;

/// The shared connections of an agent, and the requests that wait for a stream.
#[derive(Default)]
pub(super) struct SharedPool(Mutex<Places<oneshot::Sender<ReservedStream>>>);

/// Returns how many connections of HTTP/2 are open to each origin.
pub(super) fn connection_counts(pool: &SharedPool) -> Vec<OriginConnections> {
    pool.lock().counts()
}

impl SharedPool {
    // Foreign code never runs while the lock is held, as in `agent::pool`.
    fn lock(&self) -> MutexGuard<'_, Places<oneshot::Sender<ReservedStream>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records how many streams a server allows, and lets the requests that wait for a stream look again.
    fn set_max_streams(&self, key: &PoolKey, max: usize) {
        let mut places = self.lock();
        let waiting = places.get_mut(key).map(|place| {
            place.max_streams = max.clamp(1, FIRST_MAX_STREAMS);
            std::mem::take(&mut place.waiting)
        });
        drop(places);
        drop(waiting);
    }

    /// Lets requests begin that a connection holds back because its server may retire it soon. Returns whether there is
    /// such a connection. All requests that wait for a stream look again.
    fn lift_allowances(&self, key: &PoolKey) -> bool {
        let mut places = self.lock();
        let Some(place) = places.get_mut(key) else { return false };
        let held_back: Vec<_> = place.all().into_iter().filter(|connection| connection.is_held_back()).collect();
        held_back.iter().for_each(|connection| connection.lift_allowance());
        let waiting = if held_back.is_empty() { VecDeque::new() } else { std::mem::take(&mut place.waiting) };
        drop(places);
        let is_lifted = !held_back.is_empty();
        drop((held_back, waiting));
        is_lifted
    }

    /// Returns whether requests may be added to a connection with this key, now or later.
    fn has_connection(&self, key: &PoolKey) -> bool {
        self.lock().get_mut(key).is_some_and(|place| place.has_usable())
    }
}

/// A stream of a shared connection that belongs to a request. Dropping it gives the stream to the next request.
struct ReservedStream {
    connection: Arc<Http2Connection>,
    pool: Arc<SharedPool>,
    key: PoolKey,
    limits: IdleLimits,
    timer: Arc<dyn Timer>,
}

impl ReservedStream {
    /// Makes the reservation of another request for the same stream.
    fn another(&self) -> Self {
        let Self { connection, pool, key, limits, timer } = self;
        let (connection, pool) = (connection.clone(), pool.clone());
        Self { connection, pool, key: key.clone(), limits: *limits, timer: timer.clone() }
    }
}

impl Drop for ReservedStream {
    fn drop(&mut self) {
        let now = self.timer.now();
        let connection = &self.connection;
        let (mut gone, mut served) = (Vec::new(), Vec::new());
        let mut places = self.pool.lock();
        // Released under the lock: otherwise a request could begin to wait after the last stream looked for it.
        connection.release();
        let is_usable = connection.is_usable();
        let mut waiting = None;
        if let Some(place) = places.get_mut(&self.key) {
            if is_usable {
                served = place.reserve_for_waiting(connection, oneshot::Sender::is_canceled, &mut gone);
            } else {
                // Requests that wait for a stream of a connection that has ended look for another connection.
                place.learn(connection);
                waiting = Some(std::mem::take(&mut place.waiting));
            }
        }
        let mut removed = Vec::new();
        if connection.active() == 0 || !is_usable {
            removed = places.set_idle(&self.key, connection, self.limits, now);
        }
        drop(places);
        drop((removed, waiting, gone));
        for waiter in served {
            // The reservation goes with the value. If the request is gone by now, the value comes back and its drop gives
            // the stream to the next request.
            drop(waiter.send(self.another()));
        }
    }
}
