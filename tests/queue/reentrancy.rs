//! Wakers that use the client or own requests, and that are dropped while the queue changes.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::FutureExt;
use waterspout::testing::MockBackend;
use waterspout::{Client, Response, Result};

use crate::support::client::URL;
use crate::support::polling::assert_ends;
use crate::support::wakers::{ArcTask, OnDropWaker};

#[test]
fn waker_may_use_the_client_when_it_is_dropped_with_a_queued_request() {
    assert_ends(|| {
        let client = Client::builder().backend(MockBackend::pending()).max_active(1).build().unwrap();
        let mut first = client.get(URL).send().boxed();
        assert!((&mut first).now_or_never().is_none());
        let mut second = client.get(URL).send().boxed();
        let c = client.clone();
        let w1 = Waker::from(Arc::new(OnDropWaker(move || {
            c.stats();
        })));
        assert!(second.as_mut().poll(&mut Context::from_waker(&w1)).is_pending());
        drop(w1);
        drop(second);
    });
}

#[test]
fn task_may_own_a_running_request_and_lend_its_queued_request() {
    // A task owns a running request (a slot) and lends its queued request to another task, which polls it.
    assert_ends(|| {
        let client = Client::builder()
            .backend(MockBackend::pending())
            .max_active(1)
            .head_timeout(Duration::ZERO)
            .build()
            .unwrap();
        let queued = Arc::new(Mutex::new(None::<Pin<Box<dyn Future<Output = Result<Response>> + Send>>>));
        let (c, q) = (client.clone(), queued.clone());
        let task = Arc::new(ArcTask(Mutex::new(Some(Box::pin(async move {
            let mut running = c.get(URL).send().boxed();
            assert!(futures::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut running).poll(cx))).await.is_pending());
            let mut second = c.get(URL).send().boxed();
            assert!(futures::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut second).poll(cx))).await.is_pending());
            *q.lock().unwrap() = Some(second);
            running.await.unwrap();
        })))));
        Waker::from(task.clone()).wake_by_ref();
        // Only the waker in the queue owns the task now.
        drop(task);
        let mut second = queued.lock().unwrap().take().unwrap();
        assert!(second.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    });
}
