//! The locks of other crates that the docs of `tornado` name in place of Tornado's `locks`.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use event_listener::Event;
use futures::FutureExt;
use tokio::sync::{Mutex, Semaphore, watch};

use crate::support::wakers::WakeFlag;

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Tornado's `Lock`: the first task that waits gets the lock.
#[test]
fn mutex_of_tokio_is_first_in_first_out() {
    let mutex = Mutex::new(());
    let held = mutex.try_lock().unwrap();
    let (mut first, mut second) = (pin!(mutex.lock()), pin!(mutex.lock()));
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    drop(held);
    // The lock belongs to the first wait, so neither a new task nor the second wait overtakes.
    assert!(mutex.try_lock().is_err());
    assert!(poll(second.as_mut()).is_pending());
    let Poll::Ready(guard) = poll(first) else { panic!("the first wait has the lock") };
    drop(guard);
    assert!(poll(second).is_ready());
}

#[test]
fn dropped_wait_for_a_lock_passes_it_on() {
    let mutex = Mutex::new(());
    let held = mutex.try_lock().unwrap();
    let mut first = Box::pin(mutex.lock());
    let mut second = pin!(mutex.lock());
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    drop(held);
    drop(first);
    assert!(poll(second).is_ready());
}

/// Tornado's `Semaphore`: the count may begin at zero, and `release` needs no `acquire` before.
#[test]
fn semaphore_of_tokio_is_first_in_first_out() {
    let semaphore = Semaphore::new(0);
    let (mut first, mut second) = (pin!(semaphore.acquire()), pin!(semaphore.acquire()));
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    semaphore.add_permits(1);
    assert!(semaphore.try_acquire().is_err());
    assert!(poll(second.as_mut()).is_pending());
    let Poll::Ready(permit) = poll(first) else { panic!("the first wait has the permit") };
    drop(permit.unwrap());
    assert!(poll(second).is_ready());
}

/// Tornado's `BoundedSemaphore`: the count never exceeds its first value.
#[test]
fn permits_of_a_semaphore_are_released_once() {
    let semaphore = Semaphore::new(2);
    let (one, two) = (semaphore.try_acquire().unwrap(), semaphore.try_acquire().unwrap());
    assert_eq!(semaphore.available_permits(), 0);
    drop(one);
    drop(two);
    assert_eq!(semaphore.available_permits(), 2);
    semaphore.add_permits(1);
    assert_eq!(semaphore.available_permits(), 3);
}

/// Tornado's `Condition`: `notify(n)` wakes the `n` tasks that have waited longest, and is lost if no task waits.
#[test]
fn additional_notifications_of_an_event_listener_wake_a_task_each() {
    let condition = Event::new();
    condition.notify_additional(1);
    let mut waits = [condition.listen(), condition.listen(), condition.listen(), condition.listen()];
    let mut woken = || waits.each_mut().map(|wait| wait.now_or_never().is_some());
    assert_eq!(woken(), [false; 4], "an earlier notification is lost");
    condition.notify_additional(1);
    condition.notify_additional(1);
    assert_eq!(woken(), [true, true, false, false]);
}

#[test]
fn notifications_without_additional_wake_a_single_task() {
    let condition = Event::new();
    let mut waits = [condition.listen(), condition.listen()];
    condition.notify(1);
    condition.notify(1);
    assert_eq!(waits.each_mut().map(|wait| wait.now_or_never().is_some()), [true, false]);
}

#[test]
fn dropped_wait_for_a_notification_passes_it_on() {
    let condition = Event::new();
    let (first, second) = (condition.listen(), condition.listen());
    condition.notify_additional(1);
    drop(first);
    assert!(second.now_or_never().is_some());
}

/// Tornado's `Event`: a flag with `set`, `clear` and `wait`.
#[test]
fn watch_channel_of_tokio_is_a_flag() {
    let (event, mut waiting) = watch::channel(false);
    let (flag, waker) = WakeFlag::new();
    let mut wait = pin!(waiting.wait_for(|set| *set));
    assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let mut other = event.subscribe();
    let mut second = Box::pin(other.wait_for(|set| *set));
    assert!(poll(second.as_mut()).is_pending());

    assert!(!event.send_replace(true) && flag.take());
    assert!(poll(wait).is_ready() && poll(second.as_mut()).is_ready());
    drop(second);
    // A wait after `set` ends at once, and again after that.
    for _ in 0..2 {
        assert!(event.subscribe().wait_for(|set| *set).now_or_never().is_some());
    }
    assert!(event.send_replace(false));
    assert!(event.subscribe().wait_for(|set| *set).now_or_never().is_none());
}

#[test]
fn wait_for_a_watch_channel_misses_a_flag_that_was_cleared_before_its_poll() {
    let (event, mut waiting) = watch::channel(false);
    let mut wait = pin!(waiting.wait_for(|set| *set));
    assert!(poll(wait.as_mut()).is_pending());
    event.send_replace(true);
    event.send_replace(false);
    assert!(poll(wait.as_mut()).is_pending());
    event.send_replace(true);
    assert!(poll(wait).is_ready());
}

/// The reason why `event_listener::Event` is not Tornado's `Event`.
#[test]
fn event_listener_has_no_flag() {
    let event = Event::new();
    event.notify(usize::MAX);
    assert!(event.listen().now_or_never().is_none());
}
