//! Puts and gets that wait for each other.

use futures::FutureExt;
use waterspout::tornado::{Order, PutError, QueueError, WorkQueue};

use super::in_order_of;

for_each_queue! {
    a_put_to_a_full_queue_waits_until_a_get_frees_it
    bound_of_zero_means_unbounded
    get_takes_an_available_item_at_once
    a_get_from_an_empty_queue_without_waiting_is_empty
    a_get_lets_a_waiting_put_in
    a_get_waits_for_a_later_put
    a_put_to_a_full_queue_without_waiting_gives_the_item_back
    put_serves_waiting_gets_in_order
    a_dropped_get_loses_no_item
    a_dropped_put_never_enters
}

/// Waiting puts enter the queue in the order in which they began to wait.
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

fn bound_of_zero_means_unbounded<O: Order<i32>>() {
    for queue in [WorkQueue::<i32, O>::bounded(0), WorkQueue::unbounded()] {
        assert_eq!(queue.max(), None);
        (0..1000).for_each(|number| queue.put_nowait(number).unwrap());
        assert!(!queue.is_full() && queue.len() == 1000);
    }
}

fn get_takes_an_available_item_at_once<O: Order<i32>>() {
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
    let [first, second] = in_order_of(&queue, 0, 1);
    assert_eq!(queue.get().now_or_never(), Some(Ok(first)));
    assert_eq!((put.now_or_never(), queue.len()), (Some(Ok(())), 1));
    assert_eq!(queue.get().now_or_never(), Some(Ok(second)));
}

fn a_get_waits_for_a_later_put<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::unbounded();
    let mut get = queue.get();
    assert!((&mut get).now_or_never().is_none());
    queue.put_nowait(5).unwrap();
    // The item belongs to the waiting get: a later get cannot take it.
    assert_eq!(queue.get_nowait(), Err(QueueError::Empty));
    assert_eq!(get.now_or_never(), Some(Ok(5)));
}

fn a_put_to_a_full_queue_without_waiting_gives_the_item_back<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::bounded(1);
    queue.put_nowait(0).unwrap();
    let error = queue.put_nowait(1).unwrap_err();
    assert_eq!(error, PutError { item: 1, reason: QueueError::Full });
    assert_eq!(error.to_string(), "the item was not put: the queue is full");
    assert_eq!(queue.unfinished(), 1);
}

fn put_serves_waiting_gets_in_order<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::bounded(1);
    let (mut first, mut second) = (queue.get(), queue.get());
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    // Neither put has to wait for room: the items go directly to the waiting gets.
    assert_eq!(queue.put(10).now_or_never(), Some(Ok(())));
    queue.put_nowait(1).unwrap();
    assert_eq!((first.now_or_never(), second.now_or_never()), (Some(Ok(10)), Some(Ok(1))));
}

fn a_dropped_get_loses_no_item<O: Order<i32>>() {
    let queue = WorkQueue::<i32, O>::unbounded();
    let (mut first, mut second) = (queue.get(), queue.get());
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    queue.put_nowait(1).unwrap();
    drop(first);
    assert_eq!(second.now_or_never(), Some(Ok(1)));
    // Without another waiting get, the item is the next to be taken, in any order of the queue.
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
