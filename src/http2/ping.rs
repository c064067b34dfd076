//! PING (RFC 9113, section 6.7) before a request on a doubtful connection: it was silent and the request must not be
//! repeated, or its window is low and the request has a body (see `connection_window`).

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, select};
use h2::{Ping, PingPong};

use super::connection::Http2Connection;
use super::stream::Http2Stream;
use crate::runtime::{Instant, Timer};

/// How long a connection may be silent before it is tried.
///
/// A try costs a round trip. Routers and servers drop idle connections after 30 seconds or more, rarely after 15, so a
/// shorter silence says little.
const MAX_SILENCE: Duration = Duration::from_secs(10);

/// Maximum time for the answer to a PING. It allows for a lost packet that is sent again, and is far below the limit of a
/// connect, which follows.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// The PINGs of a connection. A single PING is under way at a time.
pub(super) struct Pings {
    /// `None` if `h2` has none to give.
    ping_pong: Option<PingPong>,
    /// Whether a PING was sent and its answer was not taken. The request that sent it may have been dropped.
    is_sent: bool,
}

impl Pings {
    pub(super) fn new(ping_pong: Option<PingPong>) -> Self {
        Self { ping_pong, is_sent: false }
    }

    /// Sends a PING if none is under way, and looks for its answer. Ready with whether the server has answered.
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Some(ping_pong) = &mut self.ping_pong else { return Poll::Ready(true) };
        if !self.is_sent {
            if ping_pong.send_ping(Ping::opaque()).is_err() {
                return Poll::Ready(false);
            }
            self.is_sent = true;
        }
        let answer = ping_pong.poll_pong(cx);
        self.is_sent &= answer.is_pending();
        answer.map(|answer| answer.is_ok())
    }

    /// Takes the answer to an earlier PING: it says nothing about the present.
    fn discard_old_answer(&mut self, cx: &mut Context<'_>) {
        if self.is_sent {
            let _ = self.poll_answer(cx);
        }
    }
}

impl Http2Connection {
    /// Returns whether the server has sent nothing for so long that the connection may be dead.
    pub(crate) fn is_silent(&self, now: Instant) -> bool {
        now.since(self.last_received()) >= MAX_SILENCE
    }

    /// Returns whether a request's body may wait in vain, because the server has not returned the window of uploads that
    /// have ended. The window may be on its way until the server has answered a PING.
    pub(crate) fn has_low_window(&self) -> bool {
        self.seen().has_low_window()
    }
}

impl Http2Stream {
    /// Tries the connection with a PING. Returns whether the server has answered in time. The stream is not open yet.
    pub(crate) async fn ping(&mut self, timer: &dyn Timer) -> bool {
        let connection = self.connection.clone();
        let started = timer.now();
        let limit = timer.sleep_until(started + PING_TIMEOUT);
        match select(pin!(self.answer(timer)), limit).await {
            Either::Left((is_alive, _)) => is_alive,
            // A request that is not polled may keep the PING to itself. Bytes that have arrived show that the server lives.
            Either::Right(_) => connection.last_received() >= started,
        }
    }

    async fn answer(&mut self, timer: &dyn Timer) -> bool {
        let connection = self.connection.clone();
        let mut lock = connection.pings.lock();
        // The request that has the PING may not be polled, so this request drives the connection. Otherwise the PING
        // stays unwritten, or its answer unread, and a live connection seems dead.
        let mut pings = poll_fn(|cx| self.poll(cx, |_, _, cx| lock.poll_unpin(cx))).await;
        // Another request may have tried the connection meanwhile.
        let is_window_tried = !connection.has_low_window() || !connection.is_usable();
        if is_window_tried && !connection.is_silent(timer.now()) {
            return true;
        }
        let mut is_first = true;
        poll_fn(|cx| {
            self.poll(cx, |_, stream_cx, _| {
                if std::mem::take(&mut is_first) {
                    pings.discard_old_answer(stream_cx);
                }
                pings.poll_answer(stream_cx)
            })
        })
        .await
    }
}
