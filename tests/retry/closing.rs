//! Clients that are closed or observed while a request backs off.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use futures::Future;
use futures::executor::block_on;
use waterspout::ErrorKind;
use waterspout::http::StatusCode;

use crate::support::client::seconds;

use super::backing_off;

#[test]
fn close_now_ends_requests_that_back_off() {
    let (client, timer, sending) = backing_off(&Arc::default());
    let woken = Arc::new(AtomicBool::new(false));
    struct Flag(Arc<AtomicBool>);
    impl std::task::Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let waker = Waker::from(Arc::new(Flag(woken.clone())));
    let mut sending = pin!(sending);
    assert!(sending.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    client.close_now();
    assert!(woken.load(Ordering::SeqCst), "closing wakes the request");
    let Poll::Ready(outcome) = sending.as_mut().poll(&mut Context::from_waker(&waker)) else {
        panic!("the request is still pending")
    };
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!((client.stats().active, client.stats().queued, timer.pending()), (0, 0, 0));
}

#[test]
fn observer_sees_that_a_request_backs_off() {
    let seen = Arc::default();
    let (_client, timer, sending) = backing_off(&seen);
    timer.advance(seconds(600));
    assert_eq!(block_on(sending).unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    use waterspout::Stage::{Done, Head, Started, Waiting};
    assert_eq!(*seen.lock().unwrap(), [Started, Waiting, Started, Head, Done]);
}
