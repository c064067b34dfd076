//! The queue and its futures, on a clock that stands still.

use std::sync::Arc;
use std::task::Context;

use futures::FutureExt;

use super::*;
use crate::runtime::sync::Mutex;
use crate::runtime::{BoxFuture, Instant};

struct StoppedClock;

impl Timer for StoppedClock {
    fn now(&self) -> Instant {
        Instant::default()
    }

    fn sleep_until(&self, _deadline: Instant) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

const RETRY: SlotRequest<'static> =
    SlotRequest { origin: "", priority: 0, is_retry: true, detection: StallDetection::new(false) };

fn queue(max_active: usize) -> Arc<Queue> {
    Arc::new(Queue::new(QueueSettings { max_active, ..QueueSettings::default() }, Arc::new(StoppedClock)))
}

fn try_acquire(queue: &Arc<Queue>) -> Option<Slot> {
    queue.try_acquire(&SlotRequest::default(), Waker::noop()).unwrap()
}

fn wait(queue: &Arc<Queue>) -> Acquire<'static> {
    let mut waiting = queue.acquire(SlotRequest::default());
    assert!((&mut waiting).now_or_never().is_none());
    waiting
}

fn counts(queue: &Queue) -> (usize, usize) {
    (queue.stats().active, queue.stats().queued)
}

fn granted(waiting: &mut Acquire<'_>) -> Option<Slot> {
    waiting.now_or_never().map(|slot| slot.unwrap())
}

#[test]
fn first_request_to_wait_starts_first() {
    let queue = queue(1);
    let slot = try_acquire(&queue).unwrap();
    let (mut first, mut second) = (wait(&queue), wait(&queue));
    drop(slot);
    assert!(granted(&mut second).is_none());
    let slot = granted(&mut first).expect("it was the first to wait");
    assert_eq!(counts(&queue), (1, 1));
    drop(slot);
    assert!(granted(&mut second).is_some());
    assert_eq!(counts(&queue), (0, 0));
}

#[test]
fn new_request_does_not_take_a_granted_slot() {
    let queue = queue(1);
    let slot = try_acquire(&queue).unwrap();
    let mut waiting = wait(&queue);
    drop(slot);
    assert!(try_acquire(&queue).is_none());
    assert!(granted(&mut waiting).is_some());
}

#[test]
fn dropped_wait_leaves_the_queue() {
    let queue = queue(1);
    let slot = try_acquire(&queue).unwrap();
    let (first, mut second) = (wait(&queue), wait(&queue));
    drop(first);
    assert_eq!(counts(&queue), (1, 1));
    drop(slot);
    assert!(granted(&mut second).is_some());
}

#[test]
fn wait_dropped_with_a_granted_slot_gives_the_slot_to_the_next() {
    let queue = queue(1);
    let slot = try_acquire(&queue).unwrap();
    let (first, mut second) = (wait(&queue), wait(&queue));
    drop(slot);
    drop(first);
    assert!(granted(&mut second).is_some());
    assert_eq!(counts(&queue), (0, 0));
}

#[test]
fn retry_starts_after_requests_that_waited_before_it() {
    let queue = queue(1);
    let slot = try_acquire(&queue).unwrap();
    let mut other = wait(&queue);
    // The first attempt failed: the other request runs meanwhile.
    drop(slot);
    let mut retry = queue.acquire(RETRY);
    assert!((&mut retry).now_or_never().is_none());
    drop(granted(&mut other).expect("it waited before the retry"));
    assert!(granted(&mut retry).is_some());
}

#[test]
fn retry_joins_a_full_queue_and_a_closing_client() {
    let settings = QueueSettings { max_active: 1, max_queued: Some(0), ..QueueSettings::default() };
    let queue = Arc::new(Queue::new(settings, Arc::new(StoppedClock)));
    let slot = try_acquire(&queue).unwrap();
    let rejection = queue.acquire(SlotRequest::default()).now_or_never().unwrap().err().unwrap();
    assert_eq!(rejection, Rejection::Full);
    let error = queue.rejection_error(rejection);
    assert_eq!((error.kind(), error.phase()), (ErrorKind::QueueFull, Phase::Queue));
    let mut waiting = queue.acquire(RETRY);
    assert!((&mut waiting).now_or_never().is_none());
    queue.close();
    assert!(
        queue
            .try_acquire(&SlotRequest::default(), Waker::noop())
            .is_err_and(|rejection| rejection == Rejection::Closed)
    );
    drop(slot);
    drop(granted(&mut waiting).expect("it was admitted before"));
    assert!(queue.try_acquire(&RETRY, Waker::noop()).unwrap().is_some());
    queue.close_now();
    assert!(queue.try_acquire(&RETRY, Waker::noop()).is_err());
    assert!(queue.acquire(RETRY).now_or_never().unwrap().is_err());
}

#[test]
fn queue_works_after_it_returned_the_memory_of_5000_requests() {
    let queue = queue(1);
    let slot = try_acquire(&queue).unwrap();
    let crowd: Vec<_> = (0..5000).map(|_| wait(&queue)).collect();
    drop(slot);
    drop(crowd);
    assert_eq!(counts(&queue), (0, 0));
    let (mut first, mut second) = (queue.acquire(SlotRequest::default()), queue.acquire(SlotRequest::default()));
    let slot = granted(&mut first).expect("no other request runs");
    assert!(granted(&mut second).is_none());
    drop(slot);
    assert!(granted(&mut second).is_some());
}

/// Dropping a waker may drop its task, and the task may wait in the same queue. Only with threads may a waker own such a
/// task, and panics unwind on the targets with threads.
#[cfg(panic = "unwind")]
#[test]
fn dropped_waker_may_drop_a_task_that_waits_in_the_same_queue() {
    struct WaitingTask {
        _waiting: Mutex<Option<Acquire<'static>>>,
    }
    impl std::task::Wake for WaitingTask {
        fn wake(self: Arc<Self>) {}
    }
    let queue = queue(1);
    let slot = try_acquire(&queue).unwrap();
    let inner = wait(&queue);
    let waker = Arc::new(WaitingTask { _waiting: Mutex::new(Some(inner)) }).into();
    let mut outer = queue.acquire(SlotRequest::default());
    assert!(outer.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    // The queue holds the last copy of the waker. The next poll replaces it.
    assert!((&mut outer).now_or_never().is_none());
    assert_eq!(counts(&queue), (1, 1));
    drop(slot);
    assert!(granted(&mut outer).is_some());
}
