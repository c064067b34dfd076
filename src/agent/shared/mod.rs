//! The connections of HTTP/2, which requests share.
//!
//! - `places` knows which server speaks HTTP/2, and the connections to it.
//! - `shares` gives streams to requests.
//! - `connect` opens a connection for all requests that wait for it.
//! - `trip` takes a request to the head of its response, on one connection or, if a server has not processed it, on
//!   another. `body` receives the body.

mod body;
mod connect;
mod places;
mod shares;
mod trip;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;

use self::places::Places;
pub(super) use self::shares::Share;
use super::pool::key::{IdleLimits, PoolKey};
use crate::http2::Http2Connection;
pub(super) use crate::http2::{Http2Settings, set_connections, set_windows};
use crate::runtime::Timer;

/// The shared connections of an agent, and the requests that wait for a stream.
#[derive(Default)]
pub(super) struct SharedPool(Mutex<Places<oneshot::Sender<ReservedStream>>>);

impl SharedPool {
    // Foreign code never runs while the lock is held, as in `agent::pool`.
    fn lock(&self) -> MutexGuard<'_, Places<oneshot::Sender<ReservedStream>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

impl Drop for ReservedStream {
    fn drop(&mut self) {
        let Self { connection, pool, key, limits, timer } = self;
        while connection.is_usable() {
            let next = pool.lock().get_mut(key).and_then(|place| place.waiting.pop_front());
            let Some(next) = next else { break };
            if !next.is_canceled() {
                let (pool, key, timer) = (pool.clone(), key.clone(), timer.clone());
                // The reservation goes with the value. If the request is gone by now, the value comes back and its drop
                // gives the stream to the next request.
                drop(next.send(Self { connection: connection.clone(), pool, key, limits: *limits, timer }));
                return;
            }
        }
        let is_idle = connection.release() == 0;
        if is_idle || !connection.is_usable() {
            let now = timer.now();
            connection.set_last_used(now);
            let mut places = pool.lock();
            let removed = places.set_idle(key, connection, *limits, now);
            // Requests that wait for a stream of a connection that has ended look for another connection.
            let ended = !connection.is_usable();
            let waiting = places.get_mut(key).filter(|_| ended).map(|place| std::mem::take(&mut place.waiting));
            drop(places);
            drop((removed, waiting));
        }
    }
}
