//! The traits that stand for a runtime: [`Timer`], a clock to wait on, and [`Executor`], a place for background tasks.
//!
//! Each platform has a default for both that needs no set-up, so most programs never name them.

mod future;
pub(crate) mod lock;
pub(crate) mod sleep;
pub(crate) mod sync;

use std::ops::Add;
use std::sync::Arc;
use std::time::Duration;

pub use self::future::{BoxFuture, BoxStream, MaybeSend, PortableFuture};
#[cfg(feature = "http2")]
pub(crate) use self::future::{StoredFuture, store};

/// A point of time on the clock of a [`Timer`], in nanoseconds since the clock's origin.
///
/// The clock is monotonic. Each timer chooses its own origin, so instants of different timers must not be compared. The
/// last point of time is 584 years after the origin.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::Instant;
///
/// let start = Instant::from_origin(Duration::from_secs(10));
/// let end = start + Duration::from_millis(1500);
/// assert_eq!(end.since(start), Duration::from_millis(1500));
/// assert_eq!(start.since(end), Duration::ZERO);
/// assert_eq!(end.since_origin(), Duration::from_millis(11_500));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

/// Returns a duration in nanoseconds, at most 584 years.
pub(crate) const fn nanos(time: Duration) -> u64 {
    // `Duration::as_nanos` calculates with 128 bits, which links more code on wasm.
    if time.as_secs() >= u64::MAX / NANOS_PER_SECOND {
        return u64::MAX;
    }
    time.as_secs() * NANOS_PER_SECOND + time.subsec_nanos() as u64
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;

impl Instant {
    /// Returns the point `elapsed` after the clock's origin, at most the clock's last point.
    pub const fn from_origin(elapsed: Duration) -> Self {
        Self(nanos(elapsed))
    }

    /// Returns the time between the clock's origin and this point.
    pub const fn since_origin(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// Returns the point `nanos` nanoseconds after the clock's origin.
    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Returns how many nanoseconds after the clock's origin this point is.
    pub(crate) const fn nanos(self) -> u64 {
        self.0
    }

    /// Returns the point `nanos` nanoseconds later, at most the clock's last point.
    pub(crate) const fn later(self, nanos: u64) -> Self {
        // A limit of `Duration::MAX` is a common way to say "none", so it must not overflow.
        Self(self.0.saturating_add(nanos))
    }

    /// Returns the point `time` earlier, at least the clock's origin.
    pub(crate) const fn before(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(time)))
    }

    /// Returns the time from `earlier` to this point; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    /// Returns the nanoseconds from `earlier` to this point; zero if `earlier` is later.
    pub(crate) const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Returns the point `after` later, at most the clock's last point.
    fn add(self, after: Duration) -> Self {
        self.later(nanos(after))
    }
}

/// A monotonic clock that can be waited on.
///
/// Implement it to run a client on another clock. `testing::ManualTimer` is an implementation for tests.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::{BoxFuture, Client, Instant, Timer};
///
/// /// A clock that runs at twice the speed of another clock.
/// #[derive(Clone)]
/// struct DoubleSpeed<T>(T);
///
/// impl<T: Timer + Clone> Timer for DoubleSpeed<T> {
///     fn now(&self) -> Instant {
///         Instant::from_origin(self.0.now().since_origin() * 2)
///     }
///
///     fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
///         self.0.sleep_until(Instant::from_origin(deadline.since_origin() / 2))
///     }
/// }
///
/// let timer = DoubleSpeed(waterspout::tornado::EventLoop::new().timer());
/// let client = Client::builder().timer(timer).timeout(Duration::from_secs(20)).build()?;
/// # Ok::<(), waterspout::Error>(())
/// ```
pub trait Timer: Send + Sync + 'static {
    /// Returns the present time.
    fn now(&self) -> Instant;

    /// Completes at `deadline` or soon after; at once if it has passed.
    ///
    /// # Cancellation
    /// Dropping the future drops the timer.
    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()>;
}

impl<T: Timer + ?Sized> Timer for Arc<T> {
    fn now(&self) -> Instant {
        (**self).now()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        (**self).sleep_until(deadline)
    }
}

/// Runs background tasks.
///
/// A request needs no executor: it makes progress while its future is polled.
///
/// # Examples
///
/// ```
/// use futures::executor::ThreadPool;
/// use waterspout::tornado::EventLoop;
/// use waterspout::{BoxFuture, Executor};
///
/// struct Pool(ThreadPool);
///
/// impl Executor for Pool {
///     fn spawn(&self, task: BoxFuture<'static, ()>) {
///         self.0.spawn_ok(task);
///     }
/// }
///
/// let (sender, receiver) = std::sync::mpsc::channel();
/// let event_loop = EventLoop::over(Pool(ThreadPool::new()?), EventLoop::new().timer());
/// event_loop.add_callback(move || sender.send("called").unwrap());
/// assert_eq!(receiver.recv(), Ok("called"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait Executor: Send + Sync + 'static {
    /// Runs `task` in the background until it completes. Returns before.
    ///
    /// An executor that cannot run `task` drops it, and never runs it in place: the caller may be a request.
    fn spawn(&self, task: BoxFuture<'static, ()>);
}

impl<T: Executor + ?Sized> Executor for Arc<T> {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        (**self).spawn(task);
    }
}
