//! Closed queues and iteration.

use futures::executor::block_on;
use futures::future::join;
use futures::{FutureExt, StreamExt};
use waterspout::tornado::{Order, PutError, QueueError, WorkQueue};

for_each_queue! {
    iteration_gives_all_items_and_ends_when_the_queue_is_closed
    a_closed_queue_is_drained_and_then_ends
    closing_ends_the_waits
    an_item_given_back_after_closing_is_still_got
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
    // The items are not finished yet.
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
