//! The requests that wait for a slot or hold a slot, by their numbers.
//!
//! A call of the core polls every request that it woke before it returns: a free slot goes to the next request within that call, and
//! no turn of the engine's loop passes.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use slab::Slab;

use super::host;
use super::protocol::Failure;
use crate::client::queue::{Rejection, Slot};

/// The wait for a slot.
type Wait = Pin<Box<dyn Future<Output = Result<Slot, Rejection>>>>;

enum RequestState {
    Waiting(Wait),
    Running(#[expect(dead_code, reason = "dropping it frees the slot")] Slot),
    /// The wait is being polled.
    Polled,
}

thread_local! {
    // The crate `slab` gives the numbers. A hand-written table took 92 bytes more of the download.
    static REQUESTS: RefCell<Slab<RequestState>> = const { RefCell::new(Slab::new()) };
    /// The requests to poll before the present call of the core returns.
    static WOKEN: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
    /// The request that is being polled.
    static CURRENT: Cell<u32> = const { Cell::new(0) };
}

/// A waker of the request with this number.
struct RequestWaker(u32);

impl Wake for RequestWaker {
    fn wake(self: Arc<Self>) {
        wake(self.0);
    }
}

/// Returns the number of the request that is being polled.
pub(super) fn current() -> u32 {
    CURRENT.get()
}

/// Adds a request that holds a slot. Returns its number.
pub(super) fn add_running(slot: Slot) -> u32 {
    add(RequestState::Running(slot))
}

/// Adds a request that waits, and lets it join the queue. Returns its number.
///
/// # Errors
/// If the queue rejects the request at once.
pub(super) fn add_waiting(wait: Wait) -> Result<u32, Failure> {
    let request = add(RequestState::Waiting(wait));
    match poll(request) {
        Some(Failure::None) | None => Ok(request),
        Some(failure) => Err(failure),
    }
}

fn add(state: RequestState) -> u32 {
    REQUESTS.with_borrow_mut(|requests| requests.insert(state)) as u32
}

/// Returns whether a request holds a slot.
pub(super) fn is_running(request: u32) -> bool {
    REQUESTS.with_borrow(|requests| matches!(requests.get(request as usize), Some(RequestState::Running(_))))
}

/// Forgets a request: it gives its slot back, or leaves the queue. Does nothing if the number is unknown.
pub(super) fn release(request: u32) {
    let released = REQUESTS.with_borrow_mut(|requests| requests.try_remove(request as usize));
    // The table is not borrowed here: the drop wakes other requests.
    drop(released);
}

/// Polls a request before the present call of the core returns.
pub(super) fn wake(request: u32) {
    WOKEN.with_borrow_mut(|woken| woken.push(request));
}

/// Polls the requests that were woken, in this order, and tells JavaScript which of them wait no longer.
pub(super) fn poll_woken() {
    let mut polled = 0;
    // By index: a poll may wake further requests, which join this list.
    while let Some(request) = WOKEN.with_borrow(|woken| woken.get(polled).copied()) {
        polled += 1;
        if let Some(failure) = poll(request) {
            host::answered(request, failure as u32);
        }
    }
    WOKEN.with_borrow_mut(Vec::clear);
}

/// Polls the wait of a request. Returns its outcome if the wait ended.
fn poll(request: u32) -> Option<Failure> {
    let Some(RequestState::Waiting(mut wait)) = replace(request, RequestState::Polled) else { return None };
    CURRENT.set(request);
    let waker = Waker::from(Arc::new(RequestWaker(request)));
    let outcome = wait.as_mut().poll(&mut Context::from_waker(&waker));
    match outcome {
        Poll::Pending => {
            replace(request, RequestState::Waiting(wait));
            None
        }
        Poll::Ready(Ok(slot)) => {
            replace(request, RequestState::Running(slot));
            Some(Failure::None)
        }
        Poll::Ready(Err(rejection)) => {
            release(request);
            Some(rejection.into())
        }
    }
}

/// Replaces the state of a request. Returns the previous state if it was a wait or a poll, and leaves a slot untouched.
fn replace(request: u32, state: RequestState) -> Option<RequestState> {
    REQUESTS.with_borrow_mut(|requests| match requests.get_mut(request as usize) {
        None | Some(RequestState::Running(_)) => None,
        Some(present) => Some(std::mem::replace(present, state)),
    })
}
