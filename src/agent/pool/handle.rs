//! A request's access to the pool: it acquires a connection, and gives it back.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::FutureExt;
use futures::channel::oneshot;

use super::key::{IdleLimits, PoolKey};
use super::waiters::WaitMode;
use super::{Delivered, Pool, PutOutcome, idle_reaper};
use crate::http1::Connection;
use crate::runtime::{Instant, Timer};

/// The pool, and the key and limits of a request's connection in it.
#[derive(Clone)]
pub(in crate::agent) struct PoolHandle {
    pub(in crate::agent) pool: Arc<Pool>,
    pub(in crate::agent) key: PoolKey,
    pub(in crate::agent) limits: IdleLimits,
    pub(in crate::agent) timer: Arc<dyn Timer>,
}

/// What the pool has for a request that needs a connection.
pub(in crate::agent) enum Acquired {
    /// An idle connection.
    Idle(Box<Connection>),
    /// No idle connection. The request opens a connection, and uses a returned connection if that is ready first.
    Connect(Waiter),
    /// No idle connection, but a background connect. The request waits and opens no connection.
    WaitForBackground(Waiter),
}

impl PoolHandle {
    /// Gives a connection to the next request, or keeps it idle. Closes a connection that cannot carry another request.
    pub(in crate::agent) fn give_back(&self, connection: Box<Connection>) {
        self.give_back_idle(connection, self.timer.now());
    }

    /// Gives back a connection that has been idle since `idle_since`.
    pub(in crate::agent) fn give_back_idle(&self, connection: Box<Connection>, idle_since: Instant) {
        if !connection.is_reusable() {
            return;
        }
        match self.pool.put(&self.key, connection, self.limits, idle_since) {
            PutOutcome::Idle => idle_reaper::notify(&self.pool),
            PutOutcome::Delivered | PutOutcome::Closed => {}
        }
    }

    /// Takes an idle connection, or adds the request to the waiters. The request waits for a background connect only if
    /// `may_wait_for_background` is set.
    pub(in crate::agent) fn acquire(self, may_wait_for_background: bool) -> Acquired {
        let (sender, receiver) = oneshot::channel();
        match self.pool.take_or_wait(&self.key, self.timer.now(), sender, may_wait_for_background) {
            Ok(connection) => Acquired::Idle(connection),
            Err(queued) => {
                let waiter = Waiter { handle: self, receiver, serial: queued.serial };
                match queued.mode {
                    WaitMode::Connect => Acquired::Connect(waiter),
                    WaitMode::ForBackground => Acquired::WaitForBackground(waiter),
                }
            }
        }
    }
}

/// A request's place among the waiters of its key. Dropping it gives the place up.
pub(in crate::agent) struct Waiter {
    handle: PoolHandle,
    receiver: oneshot::Receiver<Delivered>,
    serial: u64,
}

impl Waiter {
    /// Gives the place up because the background connect takes too long. The number of background connects that other
    /// requests may wait for falls by 1.
    pub(in crate::agent) fn give_up(self) {
        self.handle.pool.mark_overdue(&self.handle.key);
    }
}

impl Future for Waiter {
    /// `None` if the request has to call [`PoolHandle::acquire`] again: the background connect it waited for has failed,
    /// an idle connection may be available, or the delivered connection cannot carry a request.
    type Output = Option<Delivered>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Delivered>> {
        loop {
            let Ok(mut delivered) = ready!(self.receiver.poll_unpin(cx)) else { return Poll::Ready(None) };
            // `put` has checked the connection, but the request may be polled much later.
            let has_expired = delivered.expires_at().is_some_and(|at| at <= self.handle.timer.now());
            if !has_expired && delivered.connection.is_idle() {
                return Poll::Ready(Some(delivered));
            }
            let opens_connection = delivered.background.is_some();
            // Closed first: a request has a single connection at a time.
            drop(delivered);
            if !opens_connection {
                return Poll::Ready(None);
            }
            let (sender, receiver) = oneshot::channel();
            self.receiver = receiver;
            self.handle.pool.wait_again(&self.handle.key, self.serial, sender);
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        // In this order: no `put` can choose this request any more; a `put` that has chosen it finds the receiver
        // closed; and a connection that was delivered before is in the receiver.
        self.handle.pool.stop_waiting(&self.handle.key, self.serial);
        self.receiver.close();
        if let Ok(Some(Delivered { connection, idle_since, .. })) = self.receiver.try_recv() {
            self.handle.give_back_idle(connection, idle_since);
        }
    }
}
