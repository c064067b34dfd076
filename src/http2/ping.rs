//! PING (RFC 9113, section 6.7) before a request on a doubtful connection: it was silent and the request must not be
//! repeated, or its window is low and the request has a body (see `connection_window`).

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, ready};
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

/// Maximum number of PINGs before a request.
const MAX_PINGS: usize = 4;

/// The number of answers after the end of all uploads that show that their window is lost. A server may answer the first
/// PING before its program has dropped the body of an upload that was reset, as hyper does.
const CONCLUSIVE_ANSWERS: u32 = 2;

/// The PINGs of a connection. A single PING is under way at a time.
pub(super) struct Pings {
    /// `None` if `h2` has none to give.
    ping_pong: Option<PingPong>,
    /// Set while a PING was sent and its answer was not taken: how many uploads had ended before. The request that sent
    /// the PING may have been dropped.
    sent_after: Option<u64>,
    /// The last answer.
    last: Option<PingAnswer>,
}

impl Pings {
    pub(super) fn new(ping_pong: Option<PingPong>) -> Self {
        Self { ping_pong, sent_after: None, last: None }
    }

    /// Sends a PING if none is under way, and looks for its answer. `closed_uploads` is how many uploads have ended.
    fn poll_answer(&mut self, closed_uploads: u64, cx: &mut Context<'_>) -> Poll<Option<PingAnswer>> {
        let Some(ping_pong) = &mut self.ping_pong else { return Poll::Ready(Some(PingAnswer::default())) };
        if self.sent_after.is_none() {
            if ping_pong.send_ping(Ping::opaque()).is_err() {
                return Poll::Ready(None);
            }
            self.sent_after = Some(closed_uploads);
        }
        let answer = ready!(ping_pong.poll_pong(cx));
        let uploads = self.sent_after.take().unwrap_or_default();
        let earlier = self.last.filter(|last| last.uploads == uploads).map_or(0, |last| last.count);
        self.last = answer.is_ok().then_some(PingAnswer { uploads, count: earlier + 1 });
        Poll::Ready(self.last)
    }

    /// Takes the answer to an earlier PING: it says nothing about the present.
    fn discard_old_answer(&mut self, cx: &mut Context<'_>) {
        if let Some(sent_after) = self.sent_after {
            let _ = self.poll_answer(sent_after, cx);
        }
    }
}

/// A server has answered, so it is alive.
#[derive(Clone, Copy, Debug, Default)]
struct PingAnswer {
    /// The number of uploads that had ended before the PING. 0 if it is not known.
    uploads: u64,
    /// The number of answers to PINGs after the same uploads.
    count: u32,
}

impl PingAnswer {
    /// Returns whether the server would have returned the window of all uploads by now.
    fn is_conclusive(self, connection: &Http2Connection) -> bool {
        self.uploads == connection.seen().closed_uploads() && self.count >= CONCLUSIVE_ANSWERS
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
    /// Tries a doubtful connection with a PING. Returns whether a request can be sent: the server has answered in time,
    /// and the window is not lost if the request needs it. The stream is not open yet.
    pub(crate) async fn is_fit(&mut self, needs_window: bool, timer: &dyn Timer) -> bool {
        let connection = self.connection.clone();
        for _ in 0..MAX_PINGS {
            let Some(answered) = self.ping(timer).await else { return false };
            if !needs_window || !connection.has_low_window() {
                return true;
            }
            if answered.is_conclusive(&connection) {
                return false;
            }
        }
        false
    }

    /// Waits for the answer to a PING. Returns `None` if it has not come in time.
    async fn ping(&mut self, timer: &dyn Timer) -> Option<PingAnswer> {
        let connection = self.connection.clone();
        let started = timer.now();
        let limit = timer.sleep_until(started + PING_TIMEOUT);
        match select(pin!(self.answer(timer)), limit).await {
            Either::Left((answered, _)) => answered,
            // A request that is not polled may keep the PING to itself. Bytes that have arrived show that the server lives.
            // A further PING would have to wait in turn, so the window counts as tried.
            Either::Right(_) => (connection.last_received() >= started)
                .then(|| PingAnswer { uploads: connection.seen().closed_uploads(), count: CONCLUSIVE_ANSWERS }),
        }
    }

    async fn answer(&mut self, timer: &dyn Timer) -> Option<PingAnswer> {
        let connection = self.connection.clone();
        let mut lock = connection.pings.lock();
        // The request that has the PING may not be polled, so this request drives the connection. Otherwise the PING
        // stays unwritten, or its answer unread, and a live connection seems dead.
        let mut pings = poll_fn(|cx| self.poll(cx, |_, _, cx| lock.poll_unpin(cx))).await;
        // Another request may have tried the connection meanwhile.
        let last = pings.last.unwrap_or_default();
        let is_window_tried =
            !connection.has_low_window() || !connection.is_usable() || last.is_conclusive(&connection);
        if is_window_tried && !connection.is_silent(timer.now()) {
            return Some(last);
        }
        let mut is_first = true;
        poll_fn(|cx| {
            self.poll(cx, |_, stream_cx, _| {
                if std::mem::take(&mut is_first) {
                    pings.discard_old_answer(stream_cx);
                }
                pings.poll_answer(connection.seen().closed_uploads(), stream_cx)
            })
        })
        .await
    }
}
