//! The timer of tokio: its sleeps end on time, also after the end of the runtime that set the timer.

use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use waterspout::Timer;
use waterspout::platform::native::TokioTimer;

use super::{current_thread, multi_thread, within_limit};

#[test]
fn sleeps_end_in_the_order_of_their_deadlines() {
    for runtime in [current_thread(), multi_thread()] {
        let timer = TokioTimer::new();
        let start = timer.now();
        within_limit(&runtime, async {
            let sleep = |milliseconds| timer.sleep_until(start + Duration::from_millis(milliseconds));
            let (mut late, mut soon) = (sleep(40), sleep(10));
            assert!((&mut late).now_or_never().is_none());
            futures::future::select(&mut late, &mut soon).await;
            assert!((&mut late).now_or_never().is_none());
            late.await;
            assert!(timer.now() >= start + Duration::from_millis(40));
            // A sleep that is over needs no timer.
            assert!(sleep(0).now_or_never().is_some());
        });
    }
}

#[test]
fn sleep_of_a_runtime_that_ended_goes_on() {
    for runtime in [current_thread(), multi_thread()] {
        let timer = TokioTimer::new();
        let deadline = timer.now() + Duration::from_millis(60);
        let mut polled = pin!(timer.sleep_until(deadline));
        let mut held = Box::pin(timer.clone().sleep_until(deadline + Duration::from_millis(1)));
        runtime.block_on(async {
            assert!((&mut polled).now_or_never().is_none());
            assert!((&mut held).now_or_never().is_none());
            tokio::task::yield_now().await;
        });
        drop(runtime);
        block_on(polled);
        assert!(timer.now() >= deadline);
        block_on(held);
    }
}

#[test]
fn sleep_that_waits_in_a_thread_without_a_runtime_wakes_when_the_runtime_ends() {
    let timer = TokioTimer::new();
    let runtime = multi_thread();
    let deadline = timer.now() + Duration::from_millis(100);
    // This sleep sets the timer in the runtime, which then ends.
    let mut leader = timer.sleep_until(deadline);
    runtime.block_on(async { assert!((&mut leader).now_or_never().is_none()) });
    let sleep = timer.sleep_until(deadline + Duration::from_millis(1));
    let waiting = std::thread::spawn(move || block_on(sleep));
    drop(runtime);
    waiting.join().unwrap();
    assert!(timer.now() >= deadline);
}

#[test]
fn distant_deadline_never_comes() {
    let timer = TokioTimer::new();
    within_limit(&current_thread(), async {
        let mut sleep = timer.sleep_until(waterspout::Instant::from_origin(Duration::MAX));
        assert!((&mut sleep).now_or_never().is_none());
        tokio::task::yield_now().await;
        assert!((&mut sleep).now_or_never().is_none());
    });
}
