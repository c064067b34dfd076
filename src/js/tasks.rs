//! The tasks of the core, by the numbers that JavaScript gives them, and the loop that polls them.
//!
//! Whoever calls the core has everything polled that this made ready before the call returns; no turn of the engine's loop
//! is waited for. Nothing is borrowed while a task is polled or dropped, since both may call JavaScript, and that the core.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use super::host;

/// A task; in the end it tells its failure, 0 for none.
type Task = Pin<Box<dyn Future<Output = u32>>>;

enum State {
    /// Nobody has this number.
    Free,
    Waiting(Task),
    /// It is being polled, and goes when it has been if it is told so.
    Polled {
        cancelled: bool,
    },
}

struct Entry {
    state: State,
    /// How the present attempt was settled.
    settled: Option<bool>,
}

thread_local! {
    static TASKS: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
    static WOKEN: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
    static CURRENT: Cell<u32> = const { Cell::new(0) };
    static IS_TURNING: Cell<bool> = const { Cell::new(false) };
}

/// The number of a task that is to be polled.
struct Number(u32);

impl Wake for Number {
    fn wake(self: Arc<Self>) {
        wake(self.0);
    }
}

/// The task that is polled.
pub(super) fn current() -> u32 {
    CURRENT.get()
}

/// Has a task polled in this turn; one that is over is left alone.
pub(super) fn wake(task: u32) {
    WOKEN.with_borrow_mut(|woken| woken.push(task));
}

/// Runs a task under a number that is free; it is polled at once, even within another.
pub(super) fn run(task: u32, future: impl Future<Output = u32> + 'static) {
    TASKS.with_borrow_mut(|tasks| {
        let least = task as usize + 1;
        if tasks.len() < least {
            tasks.resize_with(least, || Entry { state: State::Free, settled: None });
        }
    });
    change(task, |entry| *entry = Entry { state: State::Waiting(Box::pin(future)), settled: None });
    turn(|| poll(task));
}

/// Ends a task, wherever it is; whether its number is free now, or only when `done` is called.
pub(super) fn cancel(task: u32) -> bool {
    let waiting = change(task, |entry| match &mut entry.state {
        State::Waiting(_) => Some(std::mem::replace(&mut entry.state, State::Free)),
        State::Polled { cancelled } => {
            *cancelled = true;
            None
        }
        State::Free => None,
    });
    let waiting = waiting.flatten();
    let is_free = waiting.is_some();
    turn(|| drop(waiting));
    is_free
}

/// Tells how a task's attempt ended.
pub(super) fn settle(task: u32, with_response: bool) {
    change(task, |entry| entry.settled = Some(with_response));
    wake(task);
}

/// How the attempt ended, which is then forgotten.
pub(super) fn settled(task: u32) -> Option<bool> {
    change(task, |entry| entry.settled.take()).flatten()
}

/// Does something, and then polls all that it woke; within another turn that one does.
pub(super) fn turn<T>(act: impl FnOnce() -> T) -> T {
    let within = IS_TURNING.replace(true);
    let result = act();
    if !within {
        poll_woken();
        IS_TURNING.set(false);
    }
    result
}

// Once in the module, not once for each that turns.
#[inline(never)]
fn poll_woken() {
    let mut polled = 0;
    while let Some(task) = WOKEN.with_borrow(|woken| woken.get(polled).copied()) {
        polled += 1;
        poll(task);
    }
    WOKEN.with_borrow_mut(Vec::clear);
}

fn poll(task: u32) {
    let taken = change(task, |entry| match std::mem::replace(&mut entry.state, State::Polled { cancelled: false }) {
        State::Waiting(future) => Some(future),
        state => {
            entry.state = state;
            None
        }
    });
    let Some(mut future) = taken.flatten() else { return };
    let before = CURRENT.replace(task);
    let waker = Waker::from(Arc::new(Number(task)));
    let poll = future.as_mut().poll(&mut Context::from_waker(&waker));
    let over = change(task, |entry| match poll {
        Poll::Pending if !matches!(entry.state, State::Polled { cancelled: true }) => {
            entry.state = State::Waiting(future);
            None
        }
        poll => {
            entry.state = State::Free;
            Some((future, poll))
        }
    });
    // What the task holds goes before anybody is told that it is over; the number is free from then on.
    if let Some((future, poll)) = over.flatten() {
        drop(future);
        let failure = if let Poll::Ready(failure) = poll { failure } else { 0 };
        host::done(task, failure);
    }
    CURRENT.set(before);
}

fn change<T>(task: u32, change: impl FnOnce(&mut Entry) -> T) -> Option<T> {
    TASKS.with_borrow_mut(|tasks| tasks.get_mut(task as usize).map(change))
}
