//! Waits that have a limit.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures::executor::block_on;
use waterspout::Timer;
use waterspout::testing::ManualTimer;
use waterspout::tornado::{Order, PutError, QueueError, WorkQueue};

use super::{SECOND, in_order_of, poll};

for_each_queue! {
    get_ends_at_its_limit_and_other_gets_are_served
    limit_of_zero_takes_an_available_item_and_does_not_wait
    a_deadline_that_has_passed_ends_a_wait_at_once
    a_wait_that_ended_in_time_never_times_out_later
    get_skips_puts_that_have_timed_out
    put_skips_gets_that_have_timed_out
    waits_that_timed_out_are_gone_at_once
    a_put_that_timed_out_never_enters
}

fn get_ends_at_its_limit_and_other_gets_are_served<O: Order<i32>>() {
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

fn limit_of_zero_takes_an_available_item_and_does_not_wait<O: Order<i32>>() {
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
    let [first, second] = in_order_of(&queue, 2, 3);
    assert_eq!(queue.get_nowait(), Ok(first));
    timer.advance(SECOND);
    assert_eq!(poll(put), Poll::Ready(Ok(())));
    assert_eq!(queue.get_nowait(), Ok(second));
}

fn get_skips_puts_that_have_timed_out<O: Order<i32>>() {
    let timer = ManualTimer::new();
    let queue = WorkQueue::<i32, O>::bounded(1).with_timer(timer.clone());
    queue.put_nowait(0).unwrap();
    let mut expired = pin!(queue.put_timeout(1, SECOND));
    let mut live = pin!(queue.put(2));
    assert!(poll(expired.as_mut()).is_pending() && poll(live.as_mut()).is_pending());
    timer.advance(SECOND);
    assert!(poll(expired).is_ready());
    let [first, second] = in_order_of(&queue, 0, 2);
    assert_eq!(queue.get_nowait(), Ok(first));
    assert_eq!(poll(live), Poll::Ready(Ok(())));
    assert_eq!((queue.get_nowait(), queue.get_nowait()), (Ok(second), Err(QueueError::Empty)));
}

fn put_skips_gets_that_have_timed_out<O: Order<i32>>() {
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

fn a_put_that_timed_out_never_enters<O: Order<i32>>() {
    let timer = ManualTimer::new();
    let queue = WorkQueue::<i32, O>::bounded(1).with_timer(timer.clone());
    queue.put_nowait(1).unwrap();
    let mut limited = pin!(queue.put_timeout(2, SECOND));
    assert!(poll(limited.as_mut()).is_pending());
    timer.advance(SECOND);
    // The error returns the item.
    assert_eq!(poll(limited), Poll::Ready(Err(PutError { item: 2, reason: QueueError::TimedOut })));
    assert_eq!((queue.get_nowait(), queue.get_nowait()), (Ok(1), Err(QueueError::Empty)));
    assert_eq!(queue.unfinished(), 1);
}
