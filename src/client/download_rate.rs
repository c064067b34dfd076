//! The minimum rate of a response's body, measured over a window.
//!
//! The window slides in steps of an eighth of its length. Only time in which the caller waits for a piece counts.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::Builder;
use crate::error::Error;
use crate::message::request::{RateMeter, RatePolicy, RequestBuilder, RequestOptions};
use crate::platform::{ClientClock, ClientSleep};
use crate::runtime::sleep::Sleep;
use crate::runtime::{Instant, Timer, nanos};

/// The number of slots of a window.
const SLOTS: u64 = 8;

/// A minimum rate, as an option.
#[derive(Clone, Copy, Debug)]
struct MinRate {
    bytes_per_second: u64,
    window: Duration,
}

impl MinRate {
    /// Returns how many bytes have to arrive in a window.
    fn bytes_per_window(self) -> u64 {
        let bytes = u128::from(self.bytes_per_second) * u128::from(nanos(self.window)) / 1_000_000_000;
        // A byte at least: a window in which nothing arrives is always too slow. At most so much that the sum over all
        // slots fits.
        u64::try_from(bytes).unwrap_or(u64::MAX).clamp(1, u64::MAX / SLOTS)
    }
}

impl RatePolicy for MinRate {
    fn start(&self, clock: &ClientClock) -> Option<Box<dyn RateMeter>> {
        let is_off = self.bytes_per_second == 0 || self.window.is_zero();
        (!is_off).then(|| Box::new(WindowMeter::new(*self, clock)) as Box<dyn RateMeter>)
    }
}

/// Counts the bytes of the last window.
struct WindowMeter {
    min: MinRate,
    clock: ClientClock,
    sleep: ClientSleep,
    window: RateWindow,
    /// Since when the caller waits for a piece.
    waiting_since: Option<Instant>,
    /// Whether the window was started again after a late poll. It is not started again until a whole window was fast
    /// enough.
    is_restarted: bool,
}

impl WindowMeter {
    fn new(min: MinRate, clock: &ClientClock) -> Self {
        Self {
            min,
            clock: clock.clone(),
            sleep: ClientSleep::new(clock),
            window: RateWindow::new(min),
            waiting_since: None,
            is_restarted: false,
        }
    }

    /// Counts the wait that has just ended.
    fn end_wait(&mut self, waited: u64) {
        let left = self.window.time_left();
        if waited < left {
            self.window.advance(waited);
            self.is_restarted &= !self.window.is_complete();
        } else if self.is_restarted {
            // The bytes that came with the late poll still count. Without enough bytes, the next wait fails.
            self.window.advance(left - 1);
        } else {
            // The sleep woke the caller's task when the window passed, and the task did not poll the body: the caller
            // had paused. How long it waited before is not known.
            self.window = RateWindow::new(self.min);
            self.is_restarted = true;
        }
    }
}

impl RateMeter for WindowMeter {
    fn record(&mut self, bytes: usize) {
        if let Some(since) = self.waiting_since.take() {
            self.end_wait(self.clock.now().nanos_since(since));
            // The reader has a piece, so a wake-up would not help it.
            self.sleep.pause();
        }
        self.window.add(bytes as u64);
    }

    fn poll_too_slow(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let since = *self.waiting_since.get_or_insert_with(|| self.clock.now());
        let left = self.window.time_left();
        if left > 1 {
            let at = since.later(left);
            if self.sleep.at() != Some(at) {
                self.sleep.reset(Some(at));
            }
            ready!(self.sleep.poll(cx));
        }
        Poll::Ready(Error::too_slow(self.min.bytes_per_second, self.min.window))
    }
}

/// The bytes that arrived in each slot of a window, on a clock that runs only while the caller waits.
struct RateWindow {
    /// How many bytes have to arrive in a window.
    needed: u64,
    /// The length of a slot in nanoseconds.
    slot_length: u64,
    /// How long the caller has waited, in nanoseconds.
    awaited: u64,
    /// The bytes of the present slot and of the slots before it, each at its number modulo `SLOTS`.
    slots: [u64; SLOTS as usize],
}

impl RateWindow {
    fn new(min: MinRate) -> Self {
        let slot_length = (nanos(min.window) / SLOTS).max(1);
        Self { needed: min.bytes_per_window(), slot_length, awaited: 0, slots: [0; SLOTS as usize] }
    }

    /// Returns the number of the present slot.
    fn slot(&self) -> u64 {
        self.awaited / self.slot_length
    }

    /// Returns whether a whole window has passed.
    fn is_complete(&self) -> bool {
        self.slot() >= SLOTS
    }

    fn bytes_of(&mut self, slot: u64) -> &mut u64 {
        &mut self.slots[(slot % SLOTS) as usize]
    }

    fn add(&mut self, bytes: u64) {
        let needed = self.needed;
        let bytes_of_slot = self.bytes_of(self.slot());
        // More than a window needs makes no difference.
        *bytes_of_slot = bytes_of_slot.saturating_add(bytes).min(needed);
    }

    /// Lets the clock run. The slots that fall out of the window are empty then.
    fn advance(&mut self, waited: u64) {
        let before = self.slot();
        // At most 292 years, so that the number of a later slot does not overflow.
        self.awaited = self.awaited.saturating_add(waited).min(u64::MAX / 2);
        let now = self.slot();
        for slot in (before + 1..=now).take(SLOTS as usize) {
            *self.bytes_of(slot) = 0;
        }
    }

    /// Returns how many nanoseconds are left until a window has too few bytes, if no byte arrives. It is never 0.
    fn time_left(&self) -> u64 {
        let present = self.slot();
        let oldest = present.saturating_sub(SLOTS - 1);
        // A window ends with the slot `last`. The first window ends after `SLOTS` slots.
        let mut last = present.max(SLOTS - 1);
        while self.bytes_from(oldest.max(last - (SLOTS - 1))) >= self.needed {
            last += 1;
        }
        (last + 1).saturating_mul(self.slot_length).saturating_sub(self.awaited).max(1)
    }

    /// Returns how many bytes arrived from this slot to the present slot.
    fn bytes_from(&self, first: u64) -> u64 {
        (first..=self.slot()).map(|slot| self.slots[(slot % SLOTS) as usize]).sum()
    }
}

impl Builder {
    /// Sets the minimum rate of a response's body: `bytes_per_second` on average over `window`. Zero in either means no
    /// limit. Default: no limit.
    ///
    /// By default no limit bounds a whole transfer: a body of a byte per 19 s never ends. This limit ends such a body
    /// and lets a long download go on.
    ///
    /// The window slides in steps of an eighth of its length, and the first window begins with the first wait for a
    /// piece. Only time in which the caller waits for the body counts, so a caller that pauses is no slow server. The
    /// bytes are counted after decoding. A body that is too slow fails with [`Timeout`](crate::ErrorKind::Timeout), and
    /// [`Error::timeout`](crate::Error::timeout) is [`DownloadRate`](crate::Timeout::DownloadRate).
    ///
    /// This is curl's `--speed-limit` together with `--speed-time`. Leave it off for a stream of events, which may be
    /// silent.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::Client;
    ///
    /// // At least 30,000 bytes within any 30 s.
    /// let client = Client::builder().min_download_rate(1_000, Duration::from_secs(30)).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn min_download_rate(self, bytes_per_second: u64, window: Duration) -> Self {
        self.with_options(|options| options.set_min_download_rate(bytes_per_second, window))
    }
}

impl<C> RequestBuilder<C> {
    /// Sets the minimum rate of the response's body, as
    /// [`Builder::min_download_rate`](crate::Builder::min_download_rate) does for all requests of a client. Zero in either value means no limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use futures::FutureExt;
    /// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
    /// use waterspout::{Agent, Client, Timeout};
    ///
    /// // The server sends a byte, and then nothing.
    /// let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nx";
    /// let connector = ScriptedConnector::new([Script::new().expect_head().send(head).silence()]);
    /// let timer = ManualTimer::new();
    /// let client = Client::builder().backend(Agent::new(connector, timer.clone())).timer(timer.clone()).build()?;
    /// let request = client.get("http://example.com/").min_download_rate(100, Duration::from_secs(10));
    /// let mut body = request.send().now_or_never().unwrap()?.bytes().boxed();
    /// assert!((&mut body).now_or_never().is_none());
    /// timer.advance(Duration::from_secs(10));
    /// let error = body.now_or_never().unwrap().unwrap_err();
    /// assert_eq!(error.timeout(), Some(Timeout::DownloadRate));
    /// assert_eq!((error.min_download_rate(), error.limit()), (Some(100), Some(Duration::from_secs(10))));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn min_download_rate(self, bytes_per_second: u64, window: Duration) -> Self {
        self.with_options(|options| options.set_min_download_rate(bytes_per_second, window))
    }
}

impl RequestOptions {
    /// Sets the minimum rate of the response's body, as
    /// [`Builder::min_download_rate`](crate::Builder::min_download_rate) does for all requests of a client. Zero in either value means no limit. Client default: no limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::RequestOptions;
    ///
    /// let mut options = RequestOptions::default();
    /// options.set_min_download_rate(1_000, Duration::from_secs(30));
    /// ```
    pub fn set_min_download_rate(&mut self, bytes_per_second: u64, window: Duration) {
        // The only place that makes the trait object; see `RatePolicy` for the reason.
        self.min_download_rate = Some(Arc::new(MinRate { bytes_per_second, window }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(bytes_per_second: u64, seconds: u64) -> RateWindow {
        RateWindow::new(MinRate { bytes_per_second, window: Duration::from_secs(seconds) })
    }

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn time_left_follows_the_bytes_of_each_slot() {
        // 80 bytes within 8 s, in slots of 1 s.
        let mut window = window(10, 8);
        assert_eq!(window.time_left(), 8 * SECOND);
        window.add(79);
        assert_eq!(window.time_left(), 8 * SECOND);
        window.add(1);
        // The first slot is part of the windows that end after 8 s or earlier.
        assert_eq!(window.time_left(), 9 * SECOND);
        window.advance(3 * SECOND);
        assert_eq!(window.time_left(), 6 * SECOND);
        window.add(80);
        assert_eq!(window.time_left(), 9 * SECOND);
        window.advance(8 * SECOND);
        assert_eq!(window.time_left(), SECOND);
        window.add(40);
        assert_eq!(window.time_left(), SECOND);
        window.add(40);
        assert_eq!(window.time_left(), 9 * SECOND);
    }

    #[test]
    fn extreme_rates_and_windows_do_not_overflow() {
        for (rate, length) in [
            (u64::MAX, Duration::MAX),
            (1, Duration::MAX),
            (u64::MAX, Duration::from_nanos(1)),
            (1, Duration::from_nanos(1)),
        ] {
            let mut window = RateWindow::new(MinRate { bytes_per_second: rate, window: length });
            for _ in 0..20 {
                window.add(u64::MAX);
                window.advance(window.slot_length);
                assert!(window.time_left() > 0);
            }
            window.advance(u64::MAX);
            assert!(window.time_left() > 0);
        }
    }
}
