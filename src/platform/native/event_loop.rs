//! The event loop's blocking half, which a browser cannot have.

use std::future::Future;

use crate::event_loop::EventLoop;

impl EventLoop {
    /// Runs `future` to its end on this thread and returns its output; sockets and timers are served meanwhile.
    ///
    /// # Platform
    /// Native only: a browser's thread must not block.
    pub fn run_sync<F: Future>(&self, future: F) -> F::Output {
        async_io::block_on(future)
    }
}
