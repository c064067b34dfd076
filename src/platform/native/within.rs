//! A limit on everything that making a connection takes.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};

use crate::error::{Error, Phase, Result, Timeout};
use crate::runtime::Timer;

/// Runs `future` to its end, or drops it after `limit`; zero is none.
pub(super) async fn within<T>(
    timer: &dyn Timer,
    limit: Option<Duration>,
    future: impl Future<Output = Result<T>>,
) -> Result<T> {
    let Some(duration) = limit.filter(|limit| !limit.is_zero()) else { return future.await };
    let started = timer.now();
    match select(pin!(future), timer.sleep_until(started + duration)).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(_) => {
            let elapsed = timer.now().since(started);
            Err(Error::timed_out(Phase::Connect, Timeout::Connect, duration, elapsed))
        }
    }
}
