//! The order of each kind of queue.

use std::fmt::Debug;

use futures::executor::block_on;
use futures::{FutureExt, StreamExt};
use waterspout::tornado::{LifoQueue, Order, PriorityQueue, Queue, WorkQueue};

/// Puts five items, the last two while the queue is full, and gets all.
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
fn queue_is_first_in_first_out_including_waiting_puts() {
    let items = round::<waterspout::tornado::Fifo<_>>();
    assert_eq!(items, [(2, 'a'), (3, 'b'), (1, 'c'), (0, 'd'), (9, 'e')]);
}

#[test]
fn lifo_queue_gives_the_newest_first_including_waiting_puts() {
    let items = round::<waterspout::tornado::Lifo<_>>();
    assert_eq!(items, [(0, 'd'), (9, 'e'), (1, 'c'), (3, 'b'), (2, 'a')]);
}

#[test]
fn priority_queue_gives_the_lowest_first_including_waiting_puts() {
    let items = round::<waterspout::tornado::Lowest<_>>();
    assert_eq!(items, [(0, 'd'), (1, 'c'), (2, 'a'), (3, 'b'), (9, 'e')]);
}

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

/// Grants the first items to gets, drops these gets in the given order, and takes all items.
fn returned<O: Order<Same>>(dropped: [usize; 3]) -> Vec<u8> {
    let queue = WorkQueue::<_, O>::unbounded();
    let mut gets: Vec<_> = (0..3).map(|_| Some(Box::pin(queue.get()))).collect();
    gets.iter_mut().flatten().for_each(|get| assert!(get.now_or_never().is_none()));
    (0..5).for_each(|number| queue.put_nowait(Same(number)).unwrap());
    dropped.into_iter().for_each(|index| drop(gets[index].take()));
    std::iter::from_fn(|| queue.get_nowait().ok()).map(|same| same.0).collect()
}

#[test]
fn items_of_dropped_gets_return_to_their_places() {
    for dropped in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(returned::<waterspout::tornado::Fifo<_>>(dropped), [0, 1, 2, 3, 4], "{dropped:?}");
        assert_eq!(returned::<waterspout::tornado::Lifo<_>>(dropped), [4, 3, 2, 1, 0], "{dropped:?}");
        assert_eq!(returned::<waterspout::tornado::Lowest<_>>(dropped), [0, 1, 2, 3, 4], "{dropped:?}");
    }
}

#[test]
fn priority_queue_gives_equal_items_in_put_order_and_returned_items_first() {
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
fn debug_text_shows_the_state() {
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
