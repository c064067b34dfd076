//! A put that waits enters the queue before a get takes an item (Tornado's `Queue.get_nowait`).

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures::executor::block_on;
use futures::{FutureExt, StreamExt};
use waterspout::testing::ManualTimer;
use waterspout::tornado::{Fifo, Lifo, Lowest, Order, QueueError, WorkQueue};

use super::{SECOND, poll};

/// A way to take an item that is present.
type Take<O> = fn(&WorkQueue<i32, O>) -> Option<i32>;

/// Every way to take an item.
fn takes<O: Order<i32>>() -> [(&'static str, Take<O>); 4] {
    [
        ("get_nowait", |queue| queue.get_nowait().ok()),
        ("get", |queue| queue.get().now_or_never()?.ok()),
        ("get_timeout", |queue| block_on(queue.get_timeout(Duration::ZERO)).ok()),
        ("items", |queue| queue.items().next().now_or_never()?),
    ]
}

/// Fills a queue with `present`, starts the puts of `waiting`, and takes all items.
fn order<O: Order<i32>>(take: Take<O>, present: &[i32], waiting: &[i32]) -> Vec<i32> {
    let queue = WorkQueue::<i32, O>::bounded(present.len()).with_timer(ManualTimer::new());
    present.iter().for_each(|item| queue.put_nowait(*item).unwrap());
    let mut puts = Vec::from_iter(waiting.iter().map(|item| queue.put(*item)));
    assert!(puts.iter_mut().all(|put| put.now_or_never().is_none()));
    let mut taken = Vec::new();
    while let Some(item) = take(&queue) {
        taken.push(item);
        let counted = present.len() + waiting.len().min(taken.len());
        assert_eq!(queue.unfinished(), counted, "after {taken:?}");
        assert!(queue.len() <= present.len(), "after {taken:?}");
    }
    assert!(puts.into_iter().all(|put| put.now_or_never() == Some(Ok(()))));
    taken
}

fn assert_order<O: Order<i32>>(rows: &[(&[i32], &[i32], &[i32])]) {
    for (name, take) in takes::<O>() {
        for (present, waiting, expected) in rows {
            assert_eq!(order(take, present, waiting), *expected, "{name}: {present:?}, waiting {waiting:?}");
        }
    }
}

#[test]
fn queue_takes_the_oldest_item_after_the_put_has_entered() {
    assert_order::<Fifo<i32>>(&[
        (&[1, 0], &[3, 2], &[1, 0, 3, 2]),
        (&[5], &[4, 6], &[5, 4, 6]),
        (&[1, 2, 3], &[0], &[1, 2, 3, 0]),
    ]);
}

#[test]
fn lifo_queue_takes_the_item_of_the_put_that_waited_longest() {
    // The first row is the order test of Tornado's `LifoQueue`.
    assert_order::<Lifo<i32>>(&[
        (&[1, 0], &[3, 2], &[3, 2, 0, 1]),
        (&[5], &[4, 6], &[4, 6, 5]),
        (&[1, 2, 3], &[0], &[0, 3, 2, 1]),
    ]);
}

#[test]
fn priority_queue_takes_the_lowest_item_including_the_put_that_waited_longest() {
    // The first row is the order test of Tornado's `PriorityQueue`.
    assert_order::<Lowest<i32>>(&[
        (&[1, 0], &[3, 2], &[0, 1, 2, 3]),
        (&[5], &[4, 6], &[4, 5, 6]),
        (&[1, 2, 3], &[0], &[0, 1, 2, 3]),
        (&[7, 8], &[9, 0, 1], &[7, 0, 1, 8, 9]),
    ]);
}

/// Returns the items that a queue gives if its waiting puts end in different ways.
fn survivors<O: Order<i32>>() -> Vec<i32> {
    let timer = ManualTimer::new();
    let queue = WorkQueue::<i32, O>::bounded(1).with_timer(timer.clone());
    queue.put_nowait(5).unwrap();
    let mut dropped = Box::pin(queue.put(1));
    let mut expired = pin!(queue.put_timeout(2, SECOND));
    let mut patient = pin!(queue.put_timeout(3, 3 * SECOND));
    let mut last = pin!(queue.put(4));
    assert!(poll(dropped.as_mut()).is_pending() && poll(expired.as_mut()).is_pending());
    assert!(poll(patient.as_mut()).is_pending() && poll(last.as_mut()).is_pending());
    drop(dropped);
    timer.advance(2 * SECOND);
    assert!(poll(expired).is_ready());
    let items = std::iter::from_fn(|| queue.get_nowait().ok()).collect();
    // A put that has entered has no limit any more.
    timer.advance(2 * SECOND);
    assert!(poll(patient).is_ready() && poll(last).is_ready());
    items
}

#[test]
fn puts_that_were_dropped_or_timed_out_do_not_enter() {
    assert_eq!(survivors::<Fifo<i32>>(), [5, 3, 4]);
    assert_eq!(survivors::<Lifo<i32>>(), [3, 4, 5]);
    assert_eq!(survivors::<Lowest<i32>>(), [3, 4, 5]);
}

for_each_queue! {
    put_that_entered_stays_when_its_future_is_dropped
    item_of_a_dropped_get_does_not_admit_a_put_beyond_the_bound
    closed_queue_admits_no_put
    only_live_puts_enter_after_many_timed_out
    only_live_gets_are_served_after_many_timed_out
    debug_text_counts_the_waiting_tasks
}

fn put_that_entered_stays_when_its_future_is_dropped<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::bounded(1);
    queue.put_nowait(1).unwrap();
    let mut put = queue.put(2);
    assert!((&mut put).now_or_never().is_none());
    let first = queue.get_nowait().unwrap();
    drop(put);
    let mut items = [first, queue.get_nowait().unwrap()];
    items.sort_unstable();
    assert_eq!((items, queue.get_nowait()), ([1, 2], Err(QueueError::Empty)));
}

fn item_of_a_dropped_get_does_not_admit_a_put_beyond_the_bound<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::bounded(1);
    let mut get = queue.get();
    assert!((&mut get).now_or_never().is_none());
    // The first item belongs to the get, so the second item fills the queue.
    queue.put_nowait(1).unwrap();
    queue.put_nowait(2).unwrap();
    let mut put = queue.put(3);
    assert!((&mut put).now_or_never().is_none());
    drop(get);
    assert_eq!(queue.len(), 2);
    // The queue holds an item more than its bound, so the put waits until a get has removed that item.
    assert!(queue.get_nowait().is_ok());
    assert!((&mut put).now_or_never().is_none());
    assert_eq!(queue.len(), 1);
    let mut rest = Vec::from_iter(std::iter::from_fn(|| queue.get_nowait().ok()));
    rest.sort_unstable();
    assert_eq!((rest.len(), put.now_or_never()), (2, Some(Ok(()))));
}

fn closed_queue_admits_no_put<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::bounded(1);
    queue.put_nowait(1).unwrap();
    let mut put = queue.put(0);
    assert!((&mut put).now_or_never().is_none());
    queue.close();
    // The put was refused by closing, before its future learns of it.
    assert_eq!((queue.get_nowait(), queue.get_nowait()), (Ok(1), Err(QueueError::Closed)));
    assert_eq!(put.now_or_never().unwrap().unwrap_err().item, 0);
}

/// Tornado's `test_get_clears_timed_out_putters` and `test_put_clears_timed_out_putters`.
fn only_live_puts_enter_after_many_timed_out<O: Order<i32>>() {
    let timer = ManualTimer::new();
    let queue = WorkQueue::<i32, O>::bounded(1).with_timer(timer.clone());
    let mut limited = Vec::from_iter((0..10).map(|item| Box::pin(queue.put_timeout(item, SECOND))));
    let entered = limited.iter_mut().filter_map(|put| poll(put.as_mut()).is_ready().then_some(())).count();
    let mut patient = pin!(queue.put(10));
    assert!(poll(patient.as_mut()).is_pending());
    assert!(entered == 1 && format!("{queue:?}").contains("putters: 10"), "{queue:?}");
    timer.advance(SECOND);
    let timed_out = limited.iter_mut().skip(1).filter_map(|put| poll(put.as_mut()).is_ready().then_some(())).count();
    let mut late = pin!(queue.put(11));
    assert!(poll(late.as_mut()).is_pending());
    assert!(timed_out == 9 && format!("{queue:?}").contains("putters: 2"), "{queue:?}");
    let mut items = Vec::from_iter(std::iter::from_fn(|| queue.get_nowait().ok()));
    items.sort_unstable();
    assert_eq!(items, [0, 10, 11]);
    assert!(poll(patient).is_ready() && poll(late).is_ready());
}

/// Tornado's `test_get_clears_timed_out_getters` and `test_put_clears_timed_out_getters`.
fn only_live_gets_are_served_after_many_timed_out<O: Order<i32>>() {
    let timer = ManualTimer::new();
    let queue = WorkQueue::<i32, O>::unbounded().with_timer(timer.clone());
    let mut limited = Vec::from_iter((0..10).map(|_| Box::pin(queue.get_timeout(SECOND))));
    assert!(limited.iter_mut().all(|get| poll(get.as_mut()).is_pending()));
    let (mut first, mut second) = (pin!(queue.get()), pin!(queue.get()));
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    timer.advance(SECOND);
    assert!(limited.iter_mut().all(|get| poll(get.as_mut()) == Poll::Ready(Err(QueueError::TimedOut))));
    assert!(format!("{queue:?}").contains("getters: 2"), "{queue:?}");
    queue.put_nowait(0).unwrap();
    assert!(format!("{queue:?}").contains("getters: 1"), "{queue:?}");
    assert_eq!((poll(first), poll(second)), (Poll::Ready(Ok(0)), Poll::Pending));
}

/// Tornado's `test_repr_and_str`.
fn debug_text_counts_the_waiting_tasks<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::bounded(1);
    let mut get = queue.get();
    assert!((&mut get).now_or_never().is_none());
    assert!(format!("{queue:?}").contains("max: Some(1), len: 0, getters: 1, putters: 0, unfinished: 0"), "{queue:?}");
    queue.put_nowait(1).unwrap();
    queue.put_nowait(2).unwrap();
    let mut put = queue.put(3);
    assert!((&mut put).now_or_never().is_none());
    assert!(format!("{queue:?}").contains("max: Some(1), len: 1, getters: 0, putters: 1, unfinished: 2"), "{queue:?}");
}
