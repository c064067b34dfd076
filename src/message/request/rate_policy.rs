//! What a response's body asks of a minimum rate.

use std::fmt;
use std::task::{Context, Poll};

use crate::error::Error;
use crate::platform::ClientClock;
use crate::runtime::MaybeSend;

/// The minimum rate of a body, as an option.
///
/// It is a trait object that only the setter `min_download_rate` makes: a browser program without a minimum rate does
/// not link the code that measures it. `RetryPolicy` says what the idiom saves in all.
pub(crate) trait RatePolicy: fmt::Debug + Send + Sync {
    /// Starts to measure a body. Returns `None` if the policy switches the limit off.
    fn start(&self, clock: &ClientClock) -> Option<Box<dyn RateMeter>>;
}

/// Measures the rate of a body.
pub(crate) trait RateMeter: MaybeSend {
    /// Counts a piece of the body, which ends the wait for it.
    fn record(&mut self, bytes: usize);

    /// Waits for the next piece. Returns `Ready` once the body is too slow.
    fn poll_too_slow(&mut self, cx: &mut Context<'_>) -> Poll<Error>;
}
