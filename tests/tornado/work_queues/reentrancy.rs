//! Wakers that use a queue while the queue wakes or drops them.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use waterspout::tornado::Queue;

use crate::support::polling::assert_ends;
use crate::support::wakers::{ArcTask, OnDropWaker};

#[test]
fn waker_may_use_the_queue_when_another_waker_replaces_it() {
    assert_ends(|| {
        let queue = Arc::new(Queue::<u8>::unbounded());
        let mut get = queue.get();
        let q = queue.clone();
        let w1 = Waker::from(Arc::new(OnDropWaker(move || {
            q.len();
        })));
        assert!(Pin::new(&mut get).poll(&mut Context::from_waker(&w1)).is_pending());
        drop(w1);
        assert!(Pin::new(&mut get).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    });
}

#[test]
fn waker_may_drop_its_task_while_a_get_leaves_the_queue() {
    // A task lends out a get of a queue, and the get is dropped elsewhere. The task's waker in the queue owns the task.
    assert_ends(|| {
        let queue: &'static Queue<u8> = Box::leak(Box::new(Queue::unbounded()));
        let lent = Arc::new(Mutex::new(None));
        let l = lent.clone();
        let task = Arc::new(ArcTask(Mutex::new(Some(Box::pin(async move {
            let mut other = queue.get();
            assert!(futures::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut other).poll(cx))).await.is_pending());
            *l.lock().unwrap() = Some(other);
            struct Guard(&'static Queue<u8>);
            impl Drop for Guard {
                fn drop(&mut self) {
                    let _ = self.0.put_nowait(1);
                }
            }
            let _guard = Guard(queue);
            std::future::pending::<()>().await;
        })))));
        Waker::from(task.clone()).wake_by_ref();
        drop(task);
        drop(lent.lock().unwrap().take());
    });
}
