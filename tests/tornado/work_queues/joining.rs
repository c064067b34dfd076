//! Workers, `task_done` and `join`.

use std::cell::RefCell;
use std::pin::pin;
use std::task::Poll;

use futures::FutureExt;
use futures::executor::block_on;
use futures::future::join3;
use waterspout::testing::ManualTimer;
use waterspout::tornado::{Order, QueueError, WorkQueue};

use crate::support::polling::yield_once;

use super::{SECOND, poll};

for_each_queue! {
    two_workers_do_all_the_work_before_join_returns
    join_is_released_by_task_done_not_by_get
    task_done_below_zero_is_an_error
    join_of_an_empty_queue_returns_at_once_and_again
    join_ends_at_its_limit
    a_small_queue_passes_all_items_on_before_join_returns
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
            yield_once().await;
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
    // The consumer needs a further poll for each item.
    let (mut consumer, mut producer) = (pin!(consumer.fuse()), pin!(producer.fuse()));
    for _ in 0..100 {
        let _ = poll(consumer.as_mut());
        let _ = poll(producer.as_mut());
    }
    assert_eq!((history.borrow().len(), queue.is_closed()), (10, true));
}
