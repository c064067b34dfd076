//! The queue and its futures, on a clock that stands still.

use std::sync::Arc;
use std::task::Context;

use futures::FutureExt;

use super::*;
use crate::runtime::{BoxFuture, Instant};

struct Still;

impl Timer for Still {
    fn now(&self) -> Instant {
        Instant::default()
    }

    fn sleep_until(&self, _deadline: Instant) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

fn queue(max_active: usize) -> Arc<Queue> {
    Arc::new(Queue::new(Settings { max_active, ..Settings::default() }, Arc::new(Still)))
}

fn take(queue: &Arc<Queue>) -> Option<Slot> {
    queue.try_acquire(&Caller::default()).unwrap()
}

fn wait(queue: &Arc<Queue>) -> Acquire<'static> {
    let mut waiting = queue.acquire(Caller::default());
    assert!((&mut waiting).now_or_never().is_none());
    waiting
}

fn counts(queue: &Queue) -> (usize, usize) {
    (queue.stats().active, queue.stats().queued)
}

fn served(waiting: &mut Acquire<'_>) -> Option<Slot> {
    waiting.now_or_never().map(|slot| slot.unwrap())
}

#[test]
fn serves_first_come_first_served() {
    let queue = queue(1);
    let slot = take(&queue).unwrap();
    let (mut first, mut second) = (wait(&queue), wait(&queue));
    drop(slot);
    assert!(served(&mut second).is_none());
    let slot = served(&mut first).expect("first in line");
    assert_eq!(counts(&queue), (1, 1));
    drop(slot);
    assert!(served(&mut second).is_some());
    assert_eq!(counts(&queue), (0, 0));
}

#[test]
fn nobody_overtakes_a_granted_slot() {
    let queue = queue(1);
    let slot = take(&queue).unwrap();
    let mut waiting = wait(&queue);
    drop(slot);
    assert!(take(&queue).is_none());
    assert!(served(&mut waiting).is_some());
}

#[test]
fn leaving_the_line_frees_the_place() {
    let queue = queue(1);
    let slot = take(&queue).unwrap();
    let (first, mut second) = (wait(&queue), wait(&queue));
    drop(first);
    assert_eq!(counts(&queue), (1, 1));
    drop(slot);
    assert!(served(&mut second).is_some());
}

#[test]
fn leaving_with_an_unclaimed_slot_gives_it_on() {
    let queue = queue(1);
    let slot = take(&queue).unwrap();
    let (first, mut second) = (wait(&queue), wait(&queue));
    drop(slot);
    drop(first);
    assert!(served(&mut second).is_some());
    assert_eq!(counts(&queue), (0, 0));
}

#[test]
fn a_slot_given_back_between_attempts_is_had_again_in_turn() {
    let queue = queue(1);
    let slot = take(&queue).unwrap();
    let mut other = wait(&queue);
    // The first attempt failed: the other runs meanwhile.
    drop(slot);
    let mut again = queue.acquire(Caller { again: true, ..Caller::default() });
    assert!((&mut again).now_or_never().is_none());
    drop(served(&mut other).expect("its turn"));
    assert!(served(&mut again).is_some());
}

#[test]
fn who_comes_again_is_not_turned_away() {
    let settings = Settings { max_active: 1, max_queued: Some(0), ..Settings::default() };
    let queue = Arc::new(Queue::new(settings, Arc::new(Still)));
    let slot = take(&queue).unwrap();
    let again = Caller { again: true, ..Caller::default() };
    let refused = queue.acquire(Caller::default()).now_or_never().unwrap().err().unwrap();
    assert_eq!(refused, Refusal::Full);
    let error = queue.refusal(refused);
    assert_eq!((error.kind(), error.phase()), (ErrorKind::QueueFull, Phase::Queue));
    let mut waiting = queue.acquire(again);
    assert!((&mut waiting).now_or_never().is_none());
    queue.close();
    assert!(queue.try_acquire(&Caller::default()).is_err_and(|refusal| refusal == Refusal::Closed));
    drop(slot);
    drop(served(&mut waiting).expect("it was admitted before"));
    assert!(queue.try_acquire(&again).unwrap().is_some());
    queue.close_now();
    assert!(queue.try_acquire(&again).is_err());
    assert!(queue.acquire(again).now_or_never().unwrap().is_err());
}

#[test]
fn the_memory_of_a_crowd_goes_with_the_last() {
    let queue = queue(1);
    let slot = take(&queue).unwrap();
    let crowd: Vec<_> = (0..5000).map(|_| wait(&queue)).collect();
    drop(slot);
    drop(crowd);
    assert_eq!(counts(&queue), (0, 0));
    let (mut first, mut second) = (queue.acquire(Caller::default()), queue.acquire(Caller::default()));
    let slot = served(&mut first).expect("nobody is there");
    assert!(served(&mut second).is_none());
    drop(slot);
    assert!(served(&mut second).is_some());
}

/// A task that is dropped with its waker may have a place in the very same line. Only where there are threads, which is
/// where panics unwind, may a waker own it.
#[cfg(panic = "unwind")]
#[test]
fn a_waker_that_goes_takes_its_task_along() {
    struct Task {
        _waiting: Mutex<Option<Acquire<'static>>>,
    }
    impl std::task::Wake for Task {
        fn wake(self: Arc<Self>) {}
    }
    let queue = queue(1);
    let slot = take(&queue).unwrap();
    let inner = wait(&queue);
    let waker = Arc::new(Task { _waiting: Mutex::new(Some(inner)) }).into();
    let mut outer = queue.acquire(Caller::default());
    assert!(outer.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    // The queue has the last of the waker; another one takes its place.
    assert!((&mut outer).now_or_never().is_none());
    assert_eq!(counts(&queue), (1, 1));
    drop(slot);
    assert!(served(&mut outer).is_some());
}
