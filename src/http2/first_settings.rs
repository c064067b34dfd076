//! The wait for the first settings of a server (RFC 9113, section 3.4), before a request that needs it.
//!
//! Most requests leave at once. A request whose body can be sent once waits for up to a round trip, on a new connection
//! alone: a server may refuse streams until its settings are acknowledged, and a body of which a byte was taken cannot be
//! sent again.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures::future::select;

use super::connection::Http2Connection;
use super::stream::Http2Stream;
use crate::runtime::Timer;
use crate::runtime::sync::atomic::Ordering;

/// Maximum wait for the settings. A server that sends them later gets the request before.
const PATIENCE: Duration = Duration::from_secs(1);

impl Http2Connection {
    /// Returns whether the server's settings have arrived, or the connection has ended.
    fn is_settled(&self) -> bool {
        self.seen().is_settled() || self.end().is_some()
    }
}

impl Http2Stream {
    /// Waits until the server's settings have arrived, for 1 second at most.
    pub(crate) async fn first_settings(&mut self, timer: &dyn Timer) {
        if self.connection.is_settled() {
            return;
        }
        let connection = self.connection.clone();
        // Set before the look, so that the settings which arrive after the look wake this request.
        connection.is_awaited.store(true, Ordering::SeqCst);
        let settled = poll_fn(|cx| {
            self.poll(cx, |_, _, _| if connection.is_settled() { Poll::Ready(()) } else { Poll::Pending })
        });
        select(pin!(settled), timer.sleep_until(timer.now() + PATIENCE)).await;
    }
}
