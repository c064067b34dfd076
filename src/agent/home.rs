//! Where a connection goes when it is free, and the wait for one that comes back.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::channel::oneshot;

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

impl Home {
    /// Keeps a connection for the next request, if another can be made on it.
    pub(super) fn give_back(&self, connection: Connection) {
        self.pool.put(&self.key, connection, self.keeping, self.timer.now());
    }

    /// Waits for a connection to come back. Dropping the future leaves the line.
    pub(super) fn wait(self) -> Place {
        let receiver = self.pool.wait(&self.key);
        Place { home: self, receiver }
    }
}

/// A place in line for a connection.
pub(super) struct Place {
    home: Home,
    receiver: oneshot::Receiver<Connection>,
}

impl Future for Place {
    type Output = Connection;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Connection> {
        match self.receiver.poll_unpin(cx) {
            Poll::Ready(Ok(connection)) => Poll::Ready(connection),
            // Nobody leaves anybody in line without a connection; the one being made is still to come.
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.receiver.close();
        if let Ok(Some(connection)) = self.receiver.try_recv() {
            self.home.give_back(connection);
        }
        self.home.pool.forget_gone(&self.home.key);
    }
}
