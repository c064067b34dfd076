//! Where a connection goes when it is free, and the wait for one that comes back.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::channel::oneshot;

use super::waiters::Delivered;
use super::{IdleLimits, Pool, PoolKey};
use crate::http1::Connection;
use crate::runtime::Timer;

/// The pool that a connection belongs to, and its place there.
#[derive(Clone)]
pub(in crate::agent) struct PoolHandle {
    pub(in crate::agent) pool: Arc<Pool>,
    pub(in crate::agent) key: PoolKey,
    pub(in crate::agent) keeping: IdleLimits,
    pub(in crate::agent) timer: Arc<dyn Timer>,
}

/// What somebody finds who needs a connection.
pub(in crate::agent) enum Reserved {
    Connection(Connection),
    /// None, but a place in line.
    Waiter(Waiter),
    /// A place in line, and a spare connection on its way: there is no need to make one.
    Reliance(Waiter),
}

impl PoolHandle {
    /// Keeps a connection for the next request, if another can be made on it.
    pub(in crate::agent) fn give_back(&self, connection: Connection) {
        self.pool.put(self, connection);
    }

    /// Takes a kept connection, or waits for one to come back. Who `may_wait_for_background` waits for a spare one too, if there is
    /// any, and need not make one then.
    pub(in crate::agent) fn wait(self, may_wait_for_background: bool) -> Reserved {
        let (sender, receiver) = oneshot::channel();
        match self.pool.take_or_wait(&self.key, self.timer.now(), sender, may_wait_for_background) {
            Ok(connection) => Reserved::Connection(connection),
            Err((number, true)) => Reserved::Reliance(Waiter { home: self, receiver, number }),
            Err((number, false)) => Reserved::Waiter(Waiter { home: self, receiver, number }),
        }
    }
}

/// A place in line for a connection. Dropping it leaves the line.
pub(in crate::agent) struct Waiter {
    home: PoolHandle,
    receiver: oneshot::Receiver<Delivered>,
    number: u64,
}

impl Waiter {
    /// Leaves the line, since the spare connection that it relied on takes too long.
    pub(in crate::agent) fn give_up(self) {
        self.home.pool.give_up_spare(&self.home.key);
    }
}

impl Future for Waiter {
    /// Nothing if the spare connection that it relied on has failed, or another can be had.
    type Output = Option<Delivered>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Delivered>> {
        self.receiver.poll_unpin(cx).map(Result::ok)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.home.pool.leave(&self.home.key, self.number);
        self.receiver.close();
        if let Ok(Some((connection, _spare))) = self.receiver.try_recv() {
            self.home.give_back(connection);
        }
    }
}

/// A connection that is being made for nobody, or is about to be: others may rely on it until this is dropped.
pub(in crate::agent) struct BackgroundConnect(pub(in crate::agent) PoolHandle);

impl Drop for BackgroundConnect {
    fn drop(&mut self) {
        self.0.pool.end_spare(&self.0.key);
    }
}
