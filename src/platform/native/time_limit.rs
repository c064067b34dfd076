//! The limit on opening a connection: look-up, connect attempts, proxy and TLS together.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};

use crate::error::{Error, Phase, Result, Timeout};
use crate::runtime::Timer;

/// Runs `future`, and drops it after `limit`. A limit of zero means none.
///
/// # Errors
/// The error of `future`, or [`Timeout`](crate::ErrorKind::Timeout) when the limit passes.
pub(super) async fn with_limit<T>(
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
