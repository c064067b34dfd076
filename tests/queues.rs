//! Work queues: Tornado's behaviours, on a clock moved by hand; what does not depend on the order, for all three.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

use std::cell::RefCell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::executor::block_on;
use futures::future::{join, join3};
use futures::{FutureExt, StreamExt};
use waterspout::Timer;
use waterspout::testing::ManualTimer;
use waterspout::tornado::{LifoQueue, Order, PriorityQueue, PutError, Queue, QueueError, WorkQueue};

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Lets the others have a turn.
async fn turn() {
    let mut over = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut over, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

const SECOND: Duration = Duration::from_secs(1);

/// Writes a test for each kind of queue.
macro_rules! for_each_queue {
    ($($name:ident)+) => {
        mod queue {
            $(#[test] fn $name() { super::$name::<waterspout::tornado::Fifo<i32>>(); })+
        }
        mod lifo_queue {
            $(#[test] fn $name() { super::$name::<waterspout::tornado::Lifo<i32>>(); })+
        }
        mod priority_queue {
            $(#[test] fn $name() { super::$name::<waterspout::tornado::Lowest<i32>>(); })+
        }
    };
}

for_each_queue! {
    a_put_to_a_full_queue_waits_until_a_get_frees_it
    zero_means_any_number
    a_get_takes_at_once_what_is_there
    a_get_from_an_empty_queue_without_waiting_is_empty
    a_get_lets_a_waiting_put_in
    a_get_waits_for_a_later_put
    a_get_ends_at_its_limit_and_the_others_are_still_served
    a_limit_of_zero_takes_what_is_there_and_waits_for_nothing
    a_deadline_that_has_passed_ends_a_wait_at_once
    a_wait_that_ended_in_time_never_times_out_later
    a_get_serves_past_puts_that_have_timed_out
    a_put_serves_past_gets_that_have_timed_out
    waits_that_timed_out_are_gone_at_once
    iteration_gives_all_items_and_ends_when_the_queue_is_closed
    a_put_to_a_full_queue_without_waiting_gives_the_item_back
    a_put_serves_waiting_gets_in_the_order_in_which_they_came
    a_put_that_timed_out_never_enters
    two_workers_do_all_the_work_before_join_returns
    join_is_released_by_task_done_not_by_get
    task_done_below_zero_is_an_error
    join_of_an_empty_queue_returns_at_once_and_again
    join_ends_at_its_limit
    a_small_queue_passes_all_items_on_before_join_returns
    a_dropped_get_loses_no_item
    a_dropped_put_never_enters
    a_closed_queue_is_drained_and_then_ends
    closing_ends_the_waits
    an_item_given_back_after_closing_is_still_got
}

/// The first of the waits gets what is put first.
fn a_put_to_a_full_queue_waits_until_a_get_frees_it<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::bounded(2);
    assert_eq!((queue.max(), queue.is_full()), (Some(2), false));
    queue.put_nowait(0).unwrap();
    queue.put_nowait(1).unwrap();
    assert!(queue.is_full());
    let (mut third, mut fourth) = (queue.put(2), queue.put(3));
    assert!((&mut third).now_or_never().is_none() && (&mut fourth).now_or_never().is_none());
    queue.get_nowait().unwrap();
    assert_eq!((&mut third).now_or_never(), Some(Ok(())));
    assert!((&mut fourth).now_or_never().is_none());
    queue.get_nowait().unwrap();
    assert_eq!(fourth.now_or_never(), Some(Ok(())));
}

fn zero_means_any_number<O: Order<i32>>() {
    for queue in [WorkQueue::<i32, O>::bounded(0), WorkQueue::unbounded()] {
        assert_eq!(queue.max(), None);
        (0..1000).for_each(|number| queue.put_nowait(number).unwrap());
        assert!(!queue.is_full() && queue.len() == 1000);
    }
}

fn a_get_takes_at_once_what_is_there<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::unbounded();
    queue.put_nowait(7).unwrap();
    assert_eq!(queue.get().now_or_never(), Some(Ok(7)));
    queue.put_nowait(8).unwrap();
    assert_eq!(queue.get_nowait(), Ok(8));
    assert!(queue.is_empty());
}

fn a_get_from_an_empty_queue_without_waiting_is_empty<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::unbounded();
    assert_eq!(queue.get_nowait(), Err(QueueError::Empty));
    assert_eq!(QueueError::Empty.to_string(), "the queue is empty");
}

fn a_get_lets_a_waiting_put_in<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::bounded(1);
    queue.put_nowait(0).unwrap();
    let mut put = queue.put(1);
    assert!((&mut put).now_or_never().is_none());
    assert_eq!(queue.get().now_or_never(), Some(Ok(0)));
    assert_eq!((put.now_or_never(), queue.len()), (Some(Ok(())), 1));
    assert_eq!(queue.get().now_or_never(), Some(Ok(1)));
}

fn a_get_waits_for_a_later_put<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::unbounded();
    let mut get = queue.get();
    assert!((&mut get).now_or_never().is_none());
    queue.put_nowait(5).unwrap();
    // It is the waiting one's: nobody who comes later can take it.
    assert_eq!(queue.get_nowait(), Err(QueueError::Empty));
    assert_eq!(get.now_or_never(), Some(Ok(5)));
}

fn a_get_ends_at_its_limit_and_the_others_are_still_served<O: Order<i32>>() {
    let timer = ManualTimer::new();
    let queue = WorkQueue::<i32, O>::unbounded().with_timer(timer.clone());
    let mut limited = pin!(queue.get_timeout(SECOND));
    let mut patient = pin!(queue.get());
    assert!(poll(limited.as_mut()).is_pending() && poll(patient.as_mut()).is_pending());
    timer.advance(SECOND);
    assert_eq!(poll(limited), Poll::Ready(Err(QueueError::TimedOut)));
    queue.put_nowait(1).unwrap();
    assert_eq!(poll(patient), Poll::Ready(Ok(1)));
    assert_eq!(timer.pending(), 0);
}

fn a_limit_of_zero_takes_what_is_there_and_waits_for_nothing<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::bounded(1).with_timer(ManualTimer::new());
    assert_eq!(block_on(queue.get_timeout(Duration::ZERO)), Err(QueueError::TimedOut));
    assert_eq!(block_on(queue.put_timeout(1, Duration::ZERO)), Ok(()));
    let refused = PutError { item: 2, reason: QueueError::TimedOut };
    assert_eq!(block_on(queue.put_timeout(2, Duration::ZERO)), Err(refused));
    assert_eq!(block_on(queue.get_timeout(Duration::ZERO)), Ok(1));
}

fn a_deadline_that_has_passed_ends_a_wait_at_once<O: Order<i32>>() {
    let timer = ManualTimer::new();
    let queue = WorkQueue::<i32, O>::bounded(1).with_timer(timer.clone());
    let now = timer.now();
    timer.advance(SECOND);
    assert_eq!(block_on(queue.get_until(now)), Err(QueueError::TimedOut));
    assert_eq!(block_on(queue.put_until(1, now)), Ok(()));
    assert_eq!(block_on(queue.put_until(2, now)).unwrap_err().item, 2);
    assert_eq!(block_on(queue.join_until(now)), Err(QueueError::TimedOut));
}

fn a_wait_that_ended_in_time_never_times_out_later<O: Order<i32>>() {
    let timer = ManualTimer::new();
    let queue = WorkQueue::<i32, O>::bounded(1).with_timer(timer.clone());
    let mut get = pin!(queue.get_timeout(SECOND));
    assert!(poll(get.as_mut()).is_pending());
    queue.put_nowait(1).unwrap();
    timer.advance(SECOND);
    assert_eq!(poll(get), Poll::Ready(Ok(1)));

    queue.put_nowait(2).unwrap();
    let mut put = pin!(queue.put_timeout(3, SECOND));
    assert!(poll(put.as_mut()).is_pending());
    assert_eq!(queue.get_nowait(), Ok(2));
    timer.advance(SECOND);
    assert_eq!(poll(put), Poll::Ready(Ok(())));
    assert_eq!(queue.get_nowait(), Ok(3));
}

fn a_get_serves_past_puts_that_have_timed_out<O: Order<i32>>() {
    let timer = ManualTimer::new();
    let queue = WorkQueue::<i32, O>::bounded(1).with_timer(timer.clone());
    queue.put_nowait(0).unwrap();
    let mut expired = pin!(queue.put_timeout(1, SECOND));
    let mut live = pin!(queue.put(2));
    assert!(poll(expired.as_mut()).is_pending() && poll(live.as_mut()).is_pending());
    timer.advance(SECOND);
    assert!(poll(expired).is_ready());
    assert_eq!(queue.get_nowait(), Ok(0));
    assert_eq!(poll(live), Poll::Ready(Ok(())));
    assert_eq!((queue.get_nowait(), queue.get_nowait()), (Ok(2), Err(QueueError::Empty)));
}

fn a_put_serves_past_gets_that_have_timed_out<O: Order<i32>>() {
    let timer = ManualTimer::new();
    let queue = WorkQueue::<i32, O>::unbounded().with_timer(timer.clone());
    let mut expired = pin!(queue.get_timeout(SECOND));
    let mut first = pin!(queue.get());
    let mut second = pin!(queue.get_timeout(2 * SECOND));
    assert!(poll(expired.as_mut()).is_pending());
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    timer.advance(SECOND);
    assert!(poll(expired).is_ready() && poll(second.as_mut()).is_pending());
    queue.put_nowait(1).unwrap();
    queue.put_nowait(2).unwrap();
    assert_eq!((poll(first), poll(second)), (Poll::Ready(Ok(1)), Poll::Ready(Ok(2))));
}

fn waits_that_timed_out_are_gone_at_once<O: Order<i32>>() {
    let timer = ManualTimer::new();
    let queue = WorkQueue::<i32, O>::bounded(1).with_timer(timer.clone());
    let told = |queue: &WorkQueue<i32, O>, waiting: &str| {
        let text = format!("{queue:?}");
        assert!(text.contains(waiting), "{text}");
    };
    {
        let mut get = Box::pin(queue.get_timeout(SECOND));
        assert!(poll(get.as_mut()).is_pending());
        told(&queue, "getters: 1");
        timer.advance(SECOND);
        assert!(poll(get.as_mut()).is_ready());
    }
    told(&queue, "getters: 0");
    queue.put_nowait(0).unwrap();
    let mut put = Box::pin(queue.put_timeout(1, SECOND));
    assert!(poll(put.as_mut()).is_pending());
    told(&queue, "putters: 1");
    timer.advance(SECOND);
    assert!(poll(put.as_mut()).is_ready());
    told(&queue, "putters: 0");
}

fn iteration_gives_all_items_and_ends_when_the_queue_is_closed<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::unbounded();
    (0..3).for_each(|number| queue.put_nowait(number).unwrap());
    let mut items = queue.items();
    let mut seen: Vec<_> = std::iter::from_fn(|| items.next().now_or_never().flatten()).collect();
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2]);
    let adding = async {
        queue.put(3).await.unwrap();
        queue.close();
    };
    assert_eq!(block_on(join(items.collect::<Vec<_>>(), adding)).0, [3]);
}

fn a_put_to_a_full_queue_without_waiting_gives_the_item_back<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::bounded(1);
    queue.put_nowait(0).unwrap();
    let error = queue.put_nowait(1).unwrap_err();
    assert_eq!(error, PutError { item: 1, reason: QueueError::Full });
    assert_eq!(error.to_string(), "the item was not put: the queue is full");
    assert_eq!(queue.unfinished(), 1);
}

fn a_put_serves_waiting_gets_in_the_order_in_which_they_came<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::bounded(1);
    let (mut first, mut second) = (queue.get(), queue.get());
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    // Neither has to wait for room: the items go into hands.
    assert_eq!(queue.put(10).now_or_never(), Some(Ok(())));
    queue.put_nowait(1).unwrap();
    assert_eq!((first.now_or_never(), second.now_or_never()), (Some(Ok(10)), Some(Ok(1))));
}

fn a_put_that_timed_out_never_enters<O: Order<i32>>() {
    let timer = ManualTimer::new();
    let queue = WorkQueue::<i32, O>::bounded(1).with_timer(timer.clone());
    queue.put_nowait(1).unwrap();
    let mut limited = pin!(queue.put_timeout(2, SECOND));
    assert!(poll(limited.as_mut()).is_pending());
    timer.advance(SECOND);
    // The item comes back.
    assert_eq!(poll(limited), Poll::Ready(Err(PutError { item: 2, reason: QueueError::TimedOut })));
    assert_eq!((queue.get_nowait(), queue.get_nowait()), (Ok(1), Err(QueueError::Empty)));
    assert_eq!(queue.unfinished(), 1);
}

fn two_workers_do_all_the_work_before_join_returns<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::bounded(3);
    let sum = std::cell::Cell::new(0);
    let worker = || async {
        while let Ok(number) = queue.get().await {
            sum.set(sum.get() + number);
            queue.task_done().unwrap();
        }
    };
    let producer = async {
        for number in 0..100 {
            queue.put(number).await.unwrap();
        }
        queue.join().await;
        assert_eq!(sum.get(), 4950);
        queue.close();
    };
    block_on(join3(worker(), worker(), producer));
    assert_eq!(queue.task_done(), Err(QueueError::NothingUnfinished));
}

fn join_is_released_by_task_done_not_by_get<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::unbounded();
    queue.put_nowait(1).unwrap();
    queue.put_nowait(2).unwrap();
    let (mut join, mut other) = (queue.join(), queue.join());
    assert!((&mut join).now_or_never().is_none() && (&mut other).now_or_never().is_none());
    queue.get_nowait().unwrap();
    queue.get_nowait().unwrap();
    queue.task_done().unwrap();
    assert!((&mut join).now_or_never().is_none());
    queue.task_done().unwrap();
    assert!(join.now_or_never().is_some() && other.now_or_never().is_some());
}

fn task_done_below_zero_is_an_error<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::unbounded();
    assert_eq!(queue.task_done(), Err(QueueError::NothingUnfinished));
    queue.put_nowait(1).unwrap();
    assert_eq!(queue.task_done(), Ok(()));
    let error = queue.task_done().unwrap_err();
    assert_eq!(error.to_string(), "task_done() was called more often than items were put");
}

fn join_of_an_empty_queue_returns_at_once_and_again<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::unbounded();
    assert!(queue.join().now_or_never().is_some());
    assert!(queue.join().now_or_never().is_some());
}

fn join_ends_at_its_limit<O: Order<i32>>() {
    let timer = ManualTimer::new();
    let queue = WorkQueue::<i32, O>::unbounded().with_timer(timer.clone());
    queue.put_nowait(1).unwrap();
    let mut join = pin!(queue.join_timeout(SECOND));
    assert!(poll(join.as_mut()).is_pending());
    timer.advance(SECOND);
    assert_eq!(poll(join), Poll::Ready(Err(QueueError::TimedOut)));
}

fn a_small_queue_passes_all_items_on_before_join_returns<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::bounded(3);
    let history = RefCell::new(Vec::new());
    let consumer = async {
        while let Ok(item) = queue.get().await {
            history.borrow_mut().push(item);
            turn().await;
            queue.task_done().unwrap();
        }
    };
    let producer = async {
        for item in 0..10 {
            queue.put(item).await.unwrap();
        }
        queue.join().await;
        let mut seen = history.borrow().clone();
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
        queue.close();
    };
    // The consumer takes a turn over each item.
    let (mut consumer, mut producer) = (pin!(consumer.fuse()), pin!(producer.fuse()));
    for _ in 0..100 {
        let _ = poll(consumer.as_mut());
        let _ = poll(producer.as_mut());
    }
    assert_eq!((history.borrow().len(), queue.is_closed()), (10, true));
}

fn a_dropped_get_loses_no_item<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::unbounded();
    let (mut first, mut second) = (queue.get(), queue.get());
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    queue.put_nowait(1).unwrap();
    drop(first);
    assert_eq!(second.now_or_never(), Some(Ok(1)));
    // And with nobody else in line it is the next to be got, in any order.
    let mut third = queue.get();
    assert!((&mut third).now_or_never().is_none());
    queue.put_nowait(2).unwrap();
    drop(third);
    assert_eq!((queue.get_nowait(), queue.unfinished()), (Ok(2), 2));
}

fn a_dropped_put_never_enters<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::bounded(1);
    queue.put_nowait(1).unwrap();
    let mut put = queue.put(2);
    assert!((&mut put).now_or_never().is_none());
    drop(put);
    assert_eq!((queue.get_nowait(), queue.get_nowait()), (Ok(1), Err(QueueError::Empty)));
    assert_eq!(queue.unfinished(), 1);
}

fn a_closed_queue_is_drained_and_then_ends<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::unbounded();
    queue.put_nowait(1).unwrap();
    queue.put_nowait(2).unwrap();
    assert!(!queue.is_closed());
    queue.close();
    queue.close();
    assert!(queue.is_closed());
    let refused = PutError { item: 3, reason: QueueError::Closed };
    assert_eq!((queue.put_nowait(3), queue.put(3).now_or_never()), (Err(refused), Some(Err(refused))));
    assert!(queue.get_nowait().is_ok() && queue.get().now_or_never().unwrap().is_ok());
    assert_eq!(
        (queue.get_nowait(), queue.get().now_or_never()),
        (Err(QueueError::Closed), Some(Err(QueueError::Closed)))
    );
    // The work is still to be done.
    assert!(queue.join().now_or_never().is_none());
    queue.task_done().unwrap();
    queue.task_done().unwrap();
    assert!(queue.join().now_or_never().is_some());
}

fn closing_ends_the_waits<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::bounded(1);
    let (mut first, mut second) = (queue.get(), queue.get());
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    queue.close();
    assert_eq!(first.now_or_never(), Some(Err(QueueError::Closed)));
    assert_eq!(second.now_or_never(), Some(Err(QueueError::Closed)));

    let queue = WorkQueue::<i32, O>::bounded(1);
    queue.put_nowait(1).unwrap();
    let mut put = queue.put(2);
    assert!((&mut put).now_or_never().is_none());
    queue.close();
    assert_eq!(put.now_or_never(), Some(Err(PutError { item: 2, reason: QueueError::Closed })));
    assert_eq!((queue.get_nowait(), queue.get_nowait()), (Ok(1), Err(QueueError::Closed)));
}

fn an_item_given_back_after_closing_is_still_got<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::unbounded();
    let (mut first, mut second) = (queue.get(), queue.get());
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    queue.put_nowait(1).unwrap();
    queue.close();
    drop(first);
    assert_eq!(second.now_or_never(), Some(Ok(1)));
}

/// Puts these, the last two while the queue is full, and gets all.
fn round<O: Order<(i32, char)>>() -> Vec<(i32, char)> {
    let queue = WorkQueue::<_, O>::bounded(3);
    for item in [(2, 'a'), (3, 'b'), (1, 'c')] {
        queue.put_nowait(item).unwrap();
    }
    let (mut fourth, mut fifth) = (queue.put((0, 'd')), queue.put((9, 'e')));
    assert!((&mut fourth).now_or_never().is_none() && (&mut fifth).now_or_never().is_none());
    let items = std::iter::from_fn(|| queue.get_nowait().ok()).collect();
    assert!(fourth.now_or_never().is_some() && fifth.now_or_never().is_some());
    items
}

#[test]
fn a_queue_gives_first_in_first_out_waiting_puts_included() {
    let items = round::<waterspout::tornado::Fifo<_>>();
    assert_eq!(items, [(2, 'a'), (3, 'b'), (1, 'c'), (0, 'd'), (9, 'e')]);
}

#[test]
fn a_lifo_queue_gives_the_newest_first_waiting_puts_included() {
    let items = round::<waterspout::tornado::Lifo<_>>();
    assert_eq!(items, [(1, 'c'), (0, 'd'), (9, 'e'), (3, 'b'), (2, 'a')]);
}

#[test]
fn a_priority_queue_gives_the_lowest_first_waiting_puts_included() {
    let items = round::<waterspout::tornado::Lowest<_>>();
    assert_eq!(items, [(1, 'c'), (0, 'd'), (2, 'a'), (3, 'b'), (9, 'e')]);
}

#[test]
fn a_priority_queue_gives_equals_in_the_order_of_their_puts_one_given_back_first() {
    /// Equal to all others.
    #[derive(Debug)]
    struct Same(u8);
    impl PartialEq for Same {
        fn eq(&self, _: &Self) -> bool {
            true
        }
    }
    impl Eq for Same {}
    impl PartialOrd for Same {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Same {
        fn cmp(&self, _: &Self) -> std::cmp::Ordering {
            std::cmp::Ordering::Equal
        }
    }
    let queue = PriorityQueue::unbounded();
    let mut get = queue.get();
    assert!((&mut get).now_or_never().is_none());
    (0..50).for_each(|number| queue.put_nowait(Same(number)).unwrap());
    drop(get);
    let numbers: Vec<_> = std::iter::from_fn(|| queue.get_nowait().ok()).map(|same| same.0).collect();
    assert_eq!(numbers, (0..50).collect::<Vec<_>>());
}

#[test]
fn an_item_that_a_dropped_get_gives_back_is_first_again() {
    let queue = Queue::unbounded();
    let mut get = queue.get();
    assert!((&mut get).now_or_never().is_none());
    ["a", "b"].into_iter().for_each(|item| queue.put_nowait(item).unwrap());
    drop(get);
    queue.put_nowait("c").unwrap();
    assert_eq!(block_on(queue.items().take(3).collect::<Vec<_>>()), ["a", "b", "c"]);
}

#[test]
fn iteration_gives_the_items_of_a_queue_in_order() {
    let queue = Queue::unbounded();
    (0..5).for_each(|number| queue.put_nowait(number).unwrap());
    queue.close();
    assert_eq!(block_on(queue.items().collect::<Vec<_>>()), [0, 1, 2, 3, 4]);
}

#[test]
fn debug_text_tells_its_state() {
    let queue = Queue::bounded(5);
    queue.put_nowait(1).unwrap();
    let state = "max: Some(5), len: 1, getters: 0, putters: 0, unfinished: 1, closed: false";
    assert_eq!(format!("{queue:?}"), format!("Queue {{ {state} }}"));
    assert!(format!("{:?}", PriorityQueue::<u8>::unbounded()).starts_with("PriorityQueue { max: None"));
    let queue = LifoQueue::<u8>::unbounded();
    let mut get = queue.get();
    assert!((&mut get).now_or_never().is_none());
    assert!(format!("{queue:?}").starts_with("LifoQueue { max: None, len: 0, getters: 1"));
}
