//! Futures with a time limit.

use std::future::{pending, ready};
use std::sync::Arc;
use std::time::Duration;

use async_io::block_on;
use futures::FutureExt;
use waterspout::testing::ManualTimer;
use waterspout::tornado::{EventLoop, TimedOut, promise, with_timeout};

use crate::support::executor::ManualExecutor;

const SECOND: Duration = Duration::from_secs(1);

fn manual() -> (EventLoop, ManualTimer) {
    let timer = ManualTimer::new();
    (EventLoop::over(ManualExecutor::default(), timer.clone()), timer)
}

#[test]
fn limit_counts_from_the_call() {
    let (event_loop, timer) = manual();
    // When the future is first polled, in seconds after the call.
    for first_poll in [0, 1, 2, 3] {
        let limit = 2 * SECOND;
        let mut limited = Box::pin(event_loop.with_timeout(limit, pending::<()>()));
        timer.advance(first_poll * SECOND);
        if first_poll < 2 {
            assert!((&mut limited).now_or_never().is_none(), "{first_poll}");
            timer.advance((2 - first_poll) * SECOND - Duration::from_nanos(1));
            assert!((&mut limited).now_or_never().is_none(), "{first_poll}");
            timer.advance(Duration::from_nanos(1));
        }
        assert_eq!(limited.now_or_never(), Some(Err(TimedOut { limit })), "{first_poll}");
    }
    assert_eq!(timer.pending(), 0);
}

#[test]
fn future_that_is_ready_wins_over_its_limit() {
    let (event_loop, timer) = manual();
    for limit in [Duration::ZERO, SECOND, Duration::MAX] {
        let limited = event_loop.with_timeout(limit, ready(42));
        timer.advance(2 * SECOND);
        assert_eq!(limited.now_or_never(), Some(Ok(42)), "{limit:?}");
    }
    let limit = Duration::ZERO;
    assert_eq!(event_loop.with_timeout(limit, pending::<()>()).now_or_never(), Some(Err(TimedOut { limit })));
    assert!(event_loop.with_timeout(Duration::MAX, pending::<()>()).now_or_never().is_none());
}

#[test]
fn future_is_dropped_at_its_limit_and_with_its_wait() {
    let (event_loop, timer) = manual();
    let value = Arc::new(());
    let hold = || {
        let held = value.clone();
        async move {
            pending::<()>().await;
            drop(held);
        }
    };
    let mut limited = Box::pin(event_loop.with_timeout(SECOND, hold()));
    assert!((&mut limited).now_or_never().is_none());
    timer.advance(SECOND);
    assert!(limited.now_or_never().unwrap().is_err());
    assert_eq!(Arc::strong_count(&value), 1);
    drop(event_loop.with_timeout(SECOND, hold()));
    assert_eq!((Arc::strong_count(&value), timer.pending()), (1, 0));
}

#[test]
fn limit_on_the_platform_clock_wakes_its_task() {
    let limit = Duration::from_millis(10);
    let (promise, pending) = promise::<u32>();
    assert_eq!(block_on(with_timeout(limit, pending)).unwrap_err(), TimedOut { limit });
    assert!(!promise.is_cancelled());
    assert_eq!(block_on(with_timeout(100 * SECOND, async { 42 })), Ok(42));
}
