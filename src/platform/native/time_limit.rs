//! The limit on opening a connection: look-up, connect attempts, proxy and TLS together.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};

use crate::error::Result;
use crate::runtime::Timer;
use crate::transport::ConnectTrace;

/// Runs `future`, which connects to `target`, and drops it after `limit`. A limit of zero means none.
///
/// # Errors
/// The error of `future`, or [`Timeout`](crate::ErrorKind::Timeout) when the limit passes, with the step of `trace`.
pub(super) async fn with_limit<T>(
    timer: &dyn Timer,
    limit: Option<Duration>,
    trace: &ConnectTrace,
    target: &str,
    future: impl Future<Output = Result<T>>,
) -> Result<T> {
    let Some(duration) = limit.filter(|limit| !limit.is_zero()) else { return future.await };
    let started = timer.now();
    match select(pin!(future), timer.sleep_until(started + duration)).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(_) => Err(trace.timed_out(target, duration, timer.now().since(started))),
    }
}
