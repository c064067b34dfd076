//! Thread models of the queue: no slot is lost or given twice, and no waiting request is forgotten.

use std::task::Context;
use std::time::Duration;

use futures::future::poll_fn;

use super::*;
use crate::runtime::sync::atomic::AtomicUsize;
use crate::runtime::sync::model::{StepClock, block_on, check, join_all, poll_once, repeat_until, spawn};

/// A queue, and how many requests run.
#[derive(Clone)]
struct CountedQueue {
    queue: Arc<Queue>,
    running: Arc<AtomicUsize>,
    limit: usize,
}

impl CountedQueue {
    fn new(settings: QueueSettings, timer: &StepClock) -> Self {
        let limit = settings.max_active;
        let queue = Arc::new(Queue::new(settings, Arc::new(timer.clone())));
        Self { queue, running: Arc::default(), limit }
    }

    fn with_slots(limit: usize) -> Self {
        Self::new(QueueSettings { max_active: limit, ..QueueSettings::default() }, &StepClock::default())
    }

    /// Waits for a slot, as a request does: the fast way first. Returns whether the request got a slot.
    fn run_request(&self) -> bool {
        let slot_request = SlotRequest::default();
        let fast = block_on(poll_fn(|cx| std::task::Poll::Ready(self.queue.try_acquire(&slot_request, cx.waker()))));
        let slot = match fast {
            Ok(Some(slot)) => slot,
            Ok(None) => match block_on(self.queue.acquire(slot_request)) {
                Ok(slot) => slot,
                Err(_) => return false,
            },
            Err(_) => return false,
        };
        self.hold(slot);
        true
    }

    /// Runs a request that has its slot.
    fn hold(&self, slot: Slot) {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        assert!(running <= self.limit, "{running} requests run, and the limit is {}", self.limit);
        assert!(self.queue.stats().active <= self.limit);
        self.running.fetch_sub(1, Ordering::SeqCst);
        drop(slot);
    }

    fn assert_empty(&self) {
        let stats = self.queue.stats();
        assert_eq!((stats.active, stats.queued), (0, 0));
    }
}

#[test]
fn every_request_gets_a_slot_within_the_limit() {
    for limit in [1, 2] {
        check("queue: slots", move || {
            let queue = CountedQueue::with_slots(limit);
            let request = |queue: CountedQueue| spawn(move || (0..2).for_each(|_| assert!(queue.run_request())));
            join_all([request(queue.clone()), request(queue.clone()), request(queue.clone())]);
            queue.assert_empty();
        });
    }
}

#[test]
fn dropped_request_passes_its_slot_on() {
    check("queue: dropped requests", || {
        let queue = CountedQueue::with_slots(1);
        let slot = block_on(queue.queue.acquire(SlotRequest::default())).ok().unwrap();
        let giver = spawn(move || drop(slot));
        let dropped = |queue: CountedQueue| {
            spawn(move || {
                let mut waiting = queue.queue.acquire(SlotRequest::default());
                if let Some(slot) = poll_once(&mut waiting) {
                    queue.hold(slot.ok().unwrap());
                }
                // A request that waits is dropped here, perhaps just after it was given the slot.
            })
        };
        let waiting = spawn({
            let queue = queue.clone();
            move || assert!(queue.run_request())
        });
        join_all([giver, dropped(queue.clone()), dropped(queue.clone()), waiting]);
        queue.assert_empty();
    });
}

#[test]
fn closing_at_once_ends_every_request() {
    check("queue: close_now", || {
        let queue = CountedQueue::with_slots(1);
        let held = |queue: CountedQueue| {
            spawn(move || {
                let Ok(mut slot) = block_on(queue.queue.acquire(SlotRequest::default())) else { return };
                // Runs until the client is closed.
                block_on(poll_fn(|cx: &mut Context<'_>| slot.poll_ended(cx, Phase::Head)));
            })
        };
        let backing_off = spawn({
            let queue = queue.queue.clone();
            move || {
                let mut slot = queue.back_off();
                block_on(poll_fn(|cx: &mut Context<'_>| slot.poll_ended(cx, Phase::Queue)));
            }
        });
        let threads = [held(queue.clone()), held(queue.clone()), backing_off];
        queue.queue.close_now();
        join_all(threads);
        queue.assert_empty();
        assert!(!queue.run_request());
    });
}

#[test]
fn changes_of_the_queue_forget_no_request() {
    check("queue: pause, clear and priorities", || {
        let queue = CountedQueue::with_slots(1);
        let requests: Vec<_> = (0..2)
            .map(|_| {
                let queue = queue.clone();
                spawn(move || {
                    queue.run_request();
                })
            })
            .collect();
        let prioritized = spawn({
            let queue = queue.clone();
            move || {
                let mut waiting = queue.queue.acquire(SlotRequest::default());
                if let Some(Ok(slot)) = poll_once(&mut waiting) {
                    return queue.hold(slot);
                }
                if let Some(request) = waiting.queued_request() {
                    request.prioritize(5);
                }
                if let Ok(slot) = block_on(waiting) {
                    queue.hold(slot);
                }
            }
        });
        queue.queue.pause(true);
        queue.queue.clear();
        queue.queue.pause(false);
        join_all(requests.into_iter().chain([prioritized]));
        queue.assert_empty();
    });
}

#[test]
fn rate_limit_starts_every_request_although_timekeepers_leave() {
    check("queue: rate limit", || {
        let timer = StepClock::default();
        let rate = Some(Rate::new(1, Duration::from_secs(1)));
        let queue = CountedQueue::new(QueueSettings { max_active: 3, rate, ..QueueSettings::default() }, &timer);
        let done = Arc::new(AtomicUsize::new(0));
        let mut threads: Vec<_> = (0..2)
            .map(|_| {
                let queue = queue.clone();
                let done = done.clone();
                spawn(move || {
                    assert!(queue.run_request());
                    done.fetch_add(1, Ordering::SeqCst);
                })
            })
            .collect();
        threads.push(spawn({
            let queue = queue.clone();
            move || {
                // May be the timekeeper, and leaves.
                let mut waiting = queue.queue.acquire(SlotRequest::default());
                poll_once(&mut waiting).map(|slot| slot.map(|slot| queue.hold(slot)));
            }
        }));
        // Each start uses up a token, so the clock has to advance for the next.
        repeat_until(|| done.load(Ordering::SeqCst) == 2, || timer.advance(Duration::from_secs(1)));
        join_all(threads);
        queue.assert_empty();
    });
}
