//! Work queues: Tornado's behaviours, on a clock moved by hand.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::executor::block_on;
use futures::future::join3;
use waterspout::queues::{Queue, QueueError};
use waterspout::testing::ManualTimer;

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_get_ends_at_its_limit_and_the_others_are_still_served() {
    let timer = ManualTimer::new();
    let queue = Queue::unbounded().with_timer(timer.clone());
    let mut limited = pin!(queue.get_timeout(SECOND));
    let mut patient = pin!(queue.get());
    assert!(poll(limited.as_mut()).is_pending() && poll(patient.as_mut()).is_pending());
    timer.advance(SECOND);
    assert_eq!(poll(limited), Poll::Ready(Err(QueueError::TimedOut)));
    queue.try_put("item").unwrap();
    assert_eq!(poll(patient), Poll::Ready("item"));
    assert_eq!(timer.pending(), 0);
}

#[test]
fn a_put_that_timed_out_never_enters() {
    let timer = ManualTimer::new();
    let queue = Queue::bounded(1).with_timer(timer.clone());
    queue.try_put(1).unwrap();
    {
        let mut limited = pin!(queue.put_timeout(2, SECOND));
        assert!(poll(limited.as_mut()).is_pending());
        timer.advance(SECOND);
        assert_eq!(poll(limited), Poll::Ready(Err(QueueError::TimedOut)));
    }
    assert_eq!((queue.try_get(), queue.try_get()), (Some(1), None));
    assert_eq!(queue.unfinished(), 1);
}

#[test]
fn a_limit_of_zero_takes_what_is_there_and_waits_for_nothing() {
    let queue = Queue::bounded(1).with_timer(ManualTimer::new());
    assert_eq!(block_on(queue.get_timeout(Duration::ZERO)), Err(QueueError::TimedOut));
    assert_eq!(block_on(queue.put_timeout(1, Duration::ZERO)), Ok(()));
    assert_eq!(block_on(queue.put_timeout(2, Duration::ZERO)), Err(QueueError::TimedOut));
    assert_eq!(block_on(queue.get_timeout(Duration::ZERO)), Ok(1));
}

#[test]
fn a_wait_that_ended_in_time_never_times_out_later() {
    let timer = ManualTimer::new();
    let queue = Queue::unbounded().with_timer(timer.clone());
    let mut get = pin!(queue.get_timeout(SECOND));
    assert!(poll(get.as_mut()).is_pending());
    queue.try_put("just in time").unwrap();
    timer.advance(SECOND);
    assert_eq!(poll(get), Poll::Ready(Ok("just in time")));
}

#[test]
fn join_ends_at_its_limit() {
    let timer = ManualTimer::new();
    let queue = Queue::unbounded().with_timer(timer.clone());
    queue.try_put(()).unwrap();
    let mut join = pin!(queue.join_timeout(SECOND));
    assert!(poll(join.as_mut()).is_pending());
    timer.advance(SECOND);
    assert_eq!(poll(join), Poll::Ready(Err(QueueError::TimedOut)));
}

#[test]
fn two_workers_do_all_the_work_before_join_returns() {
    let queue = Queue::bounded(3);
    let sum = std::cell::Cell::new(0);
    let worker = || async {
        while let Some(number) = queue.get().await {
            sum.set(sum.get() + number);
            queue.task_done().unwrap();
        }
        queue.task_done().unwrap();
    };
    let producer = async {
        for number in 0..100 {
            queue.put(Some(number)).await;
        }
        queue.join().await;
        assert_eq!(sum.get(), 4950);
        queue.put(None).await;
        queue.put(None).await;
    };
    block_on(join3(worker(), worker(), producer));
    assert_eq!(queue.task_done(), Err(QueueError::NothingUnfinished));
}

#[test]
fn debug_text_tells_its_state() {
    let queue = Queue::bounded(5);
    queue.try_put(1).unwrap();
    assert_eq!(format!("{queue:?}"), "Queue { max: 5, len: 1, getters: 0, putters: 0, unfinished: 1 }");
}
