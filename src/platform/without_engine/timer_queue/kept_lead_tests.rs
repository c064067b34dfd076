//! A queue over a shared timer: the timer stays set between requests, and no sleep is late for it.

use super::tests::{CountingClock, Handle, SleepingTask, ms, run, tasks};
use super::*;

fn clock_and_queue() -> (Arc<CountingClock>, TimerQueue) {
    let clock = Arc::new(CountingClock::default());
    (clock.clone(), TimerQueue::over_shared(Arc::new(Handle(clock))))
}

#[test]
fn hundred_requests_in_turn_set_a_single_timer() {
    let (clock, queue) = clock_and_queue();
    for request in 0..100 {
        clock.advance_to(ms(request));
        drop(tasks(&queue, [20_000 + request]));
    }
    assert_eq!((clock.made(), clock.pending()), (1, 1));
    // A queue over any other timer leaves no timer behind, and sets a timer for each request.
    let other = TimerQueue::from(Arc::new(Handle(clock.clone())) as Arc<dyn Timer>);
    (0..100).for_each(|_| drop(tasks(&other, [20_000])));
    assert_eq!((clock.made(), clock.pending()), (101, 1));
}

#[test]
fn kept_timer_fires_once_and_then_serves_the_sleep_that_waits() {
    let (clock, queue) = clock_and_queue();
    drop(tasks(&queue, [100]));
    let mut waiting = tasks(&queue, [300, 200]);
    assert_eq!(clock.made(), 1);
    clock.advance_to(ms(100));
    assert!(!waiting.iter().any(SleepingTask::is_woken));
    assert_eq!((clock.made(), clock.pending()), (2, 1));
    for at in [200, 300] {
        clock.advance_to(ms(at));
        assert_eq!(run(&mut waiting), [ms(at)]);
    }
    assert!(waiting.is_empty());
    // A timer that fires for no sleep is not set again.
    drop(tasks(&queue, [400]));
    clock.advance_to(ms(400));
    assert_eq!(clock.pending(), 0);
}

#[test]
fn sooner_sleep_replaces_the_kept_timer() {
    let (clock, queue) = clock_and_queue();
    drop(tasks(&queue, [500]));
    let mut sooner = tasks(&queue, [100]);
    assert_eq!(clock.made(), 2);
    clock.advance_to(ms(100));
    assert_eq!(run(&mut sooner), [ms(100)]);
}

#[test]
fn dropped_queue_drops_its_timer() {
    let (clock, queue) = clock_and_queue();
    drop(tasks(&queue, [500]));
    assert_eq!(Arc::strong_count(&queue.0), 1);
    drop(queue);
    // The clock and this test: the sleep of the clock is gone.
    assert_eq!(Arc::strong_count(&clock), 1);
}
