//! Actions that wait until the frames before them are sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use futures::channel::oneshot;

use super::Http2Action;

/// An action that waits until all frames before it are sent.
pub(super) struct QueuedAction {
    /// The action; `None` waits only for the frames.
    pub(super) action: Option<Http2Action>,
    done: Option<oneshot::Sender<()>>,
}

impl QueuedAction {
    /// An action that no stream waits for.
    pub(super) fn of_test(action: Http2Action) -> Self {
        Self { action: Some(action), done: None }
    }

    pub(super) fn ends_connection(&self) -> bool {
        matches!(self.action, Some(Http2Action::Close | Http2Action::Reset))
    }

    pub(super) fn complete(self) {
        // The stream may have ended.
        self.done.map(|done| done.send(()));
    }
}

/// The actions that the streams of a connection have asked for.
#[derive(Clone, Default)]
pub(super) struct ActionQueue(Arc<Mutex<VecDeque<QueuedAction>>>);

impl ActionQueue {
    pub(super) fn take(&self) -> VecDeque<QueuedAction> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds an action and waits until it is done.
    pub(super) async fn run(&self, action: Option<Http2Action>) {
        let (done, is_done) = oneshot::channel();
        let queued = QueuedAction { action, done: Some(done) };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(queued);
        // An action that is dropped belongs to a connection that has ended, and so does this stream.
        let _ = is_done.await;
    }
}
