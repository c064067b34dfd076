//! Where a connection goes when it is free, and the wait for one that comes back.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::channel::oneshot;

use super::line::Came;
use super::pool::{Keeping, Key, Pool};
use crate::http1::Connection;
use crate::runtime::Timer;

/// The pool that a connection belongs to, and its place there.
#[derive(Clone)]
pub(super) struct Home {
    pub(super) pool: Arc<Pool>,
    pub(super) key: Key,
    pub(super) keeping: Keeping,
    pub(super) timer: Arc<dyn Timer>,
}

/// What somebody finds who needs a connection.
pub(super) enum Found {
    Connection(Connection),
    /// None, but a place in line.
    Place(Place),
    /// A place in line, and a spare connection on its way: there is no need to make one.
    Reliance(Place),
}

impl Home {
    /// Keeps a connection for the next request, if another can be made on it.
    pub(super) fn give_back(&self, connection: Connection) {
        self.pool.put(self, connection);
    }

    /// Takes a kept connection, or waits for one to come back. Who `may_rely` waits for a spare one too, if there is
    /// any, and need not make one then.
    pub(super) fn wait(self, may_rely: bool) -> Found {
        let (sender, receiver) = oneshot::channel();
        match self.pool.take_or_wait(&self.key, self.timer.now(), sender, may_rely) {
            Ok(connection) => Found::Connection(connection),
            Err((number, true)) => Found::Reliance(Place { home: self, receiver, number }),
            Err((number, false)) => Found::Place(Place { home: self, receiver, number }),
        }
    }
}

/// A place in line for a connection. Dropping it leaves the line.
pub(super) struct Place {
    home: Home,
    receiver: oneshot::Receiver<Came>,
    number: u64,
}

impl Place {
    /// Leaves the line, since the spare connection that it relied on takes too long.
    pub(super) fn give_up(self) {
        self.home.pool.give_up_spare(&self.home.key);
    }
}

impl Future for Place {
    /// Nothing if the spare connection that it relied on has failed, or another can be had.
    type Output = Option<Came>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Came>> {
        self.receiver.poll_unpin(cx).map(Result::ok)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.home.pool.leave(&self.home.key, self.number);
        self.receiver.close();
        if let Ok(Some((connection, _spare))) = self.receiver.try_recv() {
            self.home.give_back(connection);
        }
    }
}

/// A connection that is being made for nobody, or is about to be: others may rely on it until this is dropped.
pub(super) struct Spare(pub(super) Home);

impl Drop for Spare {
    fn drop(&mut self) {
        self.0.pool.end_spare(&self.0.key);
    }
}
