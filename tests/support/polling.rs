//! Functions that poll futures by hand.

use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::wakers::WakeFlag;

/// A future that is ready at its second poll and wakes its task after the first.
pub async fn yield_once() {
    let mut polled = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Polls `future` at most `times` and drops it; returns its output if it has ended.
pub fn poll_times<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..times).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}

/// Polls `future` whenever it is woken. Returns `None` if the future is pending and was not woken: it would wait
/// forever.
pub fn run_until_stalled<F: Future>(future: F) -> Option<F::Output> {
    let (flag, waker) = WakeFlag::new();
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        if !flag.take() {
            return None;
        }
    }
}

/// Runs `test` on a thread and fails if it does not end within 20 s: a deadlock would last forever.
pub fn assert_ends(test: impl FnOnce() + Send + 'static) {
    let (done, outcome) = mpsc::channel();
    std::thread::spawn(move || {
        test();
        let _ = done.send(());
    });
    assert!(outcome.recv_timeout(Duration::from_secs(20)).is_ok(), "a deadlock, or a panic above");
}
