//! Whether a transport may have bytes to read.

use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::runtime::sync::atomic::{AtomicBool, Ordering};

/// Set when a read of the transport may find something. A read that finds nothing costs a system call, and `h2` reads
/// each time before it writes.
pub(super) struct ReadSignal {
    is_set: AtomicBool,
    /// The waker of the connection.
    connection: Waker,
}

impl ReadSignal {
    /// Makes a signal that is set.
    pub(super) fn new(connection: Waker) -> Arc<Self> {
        Arc::new(Self { is_set: AtomicBool::new(true), connection })
    }

    /// Lets the next read ask the transport.
    pub(super) fn set(&self) {
        self.is_set.store(true, Ordering::SeqCst);
    }

    /// Returns whether the transport has to be asked. The read that follows waits for the transport, or sets the signal.
    pub(super) fn take(&self) -> bool {
        self.is_set.swap(false, Ordering::SeqCst)
    }
}

/// Called by the transport when it can be read.
impl Wake for ReadSignal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Set first: the drive that the waker causes reads only with the signal.
        self.set();
        self.connection.wake_by_ref();
    }
}
