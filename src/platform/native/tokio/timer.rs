//! The clock and the timer of a tokio runtime.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::{JoinHandle, unconstrained};
use tokio::time::Instant as TokioInstant;

use crate::platform::native::SystemTimer;
use crate::platform::native::shared_timer::SharedTimer;
use crate::runtime::{BoxFuture, Instant, Timer};

/// The clock of tokio, with the timer of the runtime of the thread that polls. It exists with the feature `tokio`.
///
/// All sleeps of a value and of its clones share a single timer, which stays set when no sleep needs it any more. The
/// runtime in which a sleep sets the timer must go on running until that time, or end: a `current_thread` runtime that
/// is kept and not run keeps the sleeps of other runtimes waiting. If it ends, or if there is no runtime or it has no
/// timer, the sleeps go on on the [`SystemTimer`].
///
/// The clock stands still while `tokio::time::pause` is in effect, and tokio then advances it whenever the runtime is
/// idle. A request to a real server is idle while it waits, so its limits pass at once.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::Timer;
/// use waterspout::platform::native::TokioTimer;
///
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
/// let timer = TokioTimer::new();
/// let deadline = timer.now() + Duration::from_millis(5);
/// runtime.block_on(timer.sleep_until(deadline));
/// assert!(timer.now() >= deadline);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct TokioTimer(SharedTimer);

impl TokioTimer {
    /// Makes a timer. It needs a runtime only when it is waited on.
    pub fn new() -> Self {
        Self(SharedTimer::new(RuntimeTimer))
    }
}

impl Default for TokioTimer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TokioTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioTimer").finish_non_exhaustive()
    }
}

impl Timer for TokioTimer {
    fn now(&self) -> Instant {
        now()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        self.0.sleep_until(deadline)
    }
}

fn origin() -> TokioInstant {
    static ORIGIN: OnceLock<TokioInstant> = OnceLock::new();
    *ORIGIN.get_or_init(TokioInstant::now)
}

fn now() -> Instant {
    // A paused runtime may have an earlier time than the runtime that set the origin.
    Instant::from_origin(TokioInstant::now().saturating_duration_since(origin()))
}

/// The clock of tokio with a task of the runtime for each sleep.
struct RuntimeTimer;

impl Timer for RuntimeTimer {
    fn now(&self) -> Instant {
        now()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        let Ok(runtime) = Handle::try_current() else { return without_runtime(deadline.since(now())) };
        let Some(at) = origin().checked_add(deadline.since_origin()) else {
            // The deadline is beyond the last point of the clock.
            return Box::pin(std::future::pending());
        };
        // A task, because a sleep of tokio panics when it is polled after the end of its runtime, or without a timer. The
        // runtime drops the task instead, or catches the panic.
        let mut task = AbortOnDrop(runtime.spawn(async move { tokio::time::sleep_until(at).await }));
        Box::pin(async move {
            // The timer is polled in the task of a request, whose budget may be used up. It would look as if it had fired.
            if unconstrained(&mut task.0).await.is_err() {
                without_runtime(deadline.since(now())).await;
            }
        })
    }
}

/// Returns a sleep on the system's timer.
fn without_runtime(duration: Duration) -> BoxFuture<'static, ()> {
    SystemTimer.sleep_until(SystemTimer.now() + duration)
}

/// Ends a task when it is dropped.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
