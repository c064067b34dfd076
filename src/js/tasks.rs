//! The tasks of the core, by their numbers, and the loop that polls them.
//!
//! A call of the core polls every task that it made ready before it returns: a free slot goes to the next request within that call,
//! and no turn of the engine's loop passes. Nothing is borrowed while a task is polled or dropped, because both may call
//! JavaScript, which may call the core.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use slab::Slab;

use super::host;
use super::protocol::Failure;

/// The future of a task. Its output is its failure.
type TaskFuture = Pin<Box<dyn Future<Output = Failure>>>;

enum TaskState {
    /// The task waits to be woken.
    Waiting(TaskFuture),
    /// The task is being polled. If it is cancelled meanwhile, it is dropped after the poll.
    Polled { cancelled: bool },
}

/// How an attempt ended.
#[derive(Clone, Copy)]
pub(super) enum AttemptEnd {
    Response,
    Error,
}

struct TaskEntry {
    state: TaskState,
    /// How the present attempt ended, until the task takes it.
    attempt_end: Option<AttemptEnd>,
}

thread_local! {
    // The crate `slab` gives the numbers. A hand-written table took 92 bytes more of the download, and JavaScript, which then
    // gave the numbers, 48 bytes more.
    static TASKS: RefCell<Slab<TaskEntry>> = const { RefCell::new(Slab::new()) };
    /// The tasks to poll in this turn.
    static WOKEN: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
    /// The task that is being polled.
    static CURRENT: Cell<u32> = const { Cell::new(0) };
    static IS_TURNING: Cell<bool> = const { Cell::new(false) };
}

/// A waker of the task with this number.
struct TaskWaker(u32);

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        wake(self.0);
    }
}

/// Returns the number of the task that is being polled.
pub(super) fn current() -> u32 {
    CURRENT.get()
}

/// Polls a task in this turn. Does nothing if the task has ended.
pub(super) fn wake(task: u32) {
    WOKEN.with_borrow_mut(|woken| woken.push(task));
}

/// Adds the task that `make` returns for its number. Returns the number. The task is not polled yet.
///
/// The table is borrowed while `make` runs, so `make` must not call JavaScript.
pub(super) fn add(make: impl FnOnce(u32) -> TaskFuture) -> u32 {
    TASKS.with_borrow_mut(|tasks| {
        let entry = tasks.vacant_entry();
        let number = entry.key() as u32;
        entry.insert(TaskEntry { state: TaskState::Waiting(make(number)), attempt_end: None });
        number
    })
}

/// Polls a new task at once, even during the poll of another task.
pub(super) fn run(task: u32) {
    turn(|| poll(task));
}

/// Cancels a task. A task that is being polled is dropped after the poll.
pub(super) fn cancel(task: u32) {
    let waiting = TASKS.with_borrow_mut(|tasks| match tasks.get_mut(task as usize) {
        Some(TaskEntry { state: TaskState::Polled { cancelled }, .. }) => {
            *cancelled = true;
            None
        }
        _ => tasks.try_remove(task as usize),
    });
    turn(|| drop(waiting));
}

/// Records how a task's attempt ended, and wakes the task.
pub(super) fn end_attempt(task: u32, end: AttemptEnd) {
    change(task, |entry| entry.attempt_end = Some(end));
    wake(task);
}

/// Takes how the present attempt ended, if it has ended.
pub(super) fn take_attempt_end(task: u32) -> Option<AttemptEnd> {
    change(task, |entry| entry.attempt_end.take()).flatten()
}

/// Calls `act`, then polls all tasks that it woke. Within another turn, that turn polls them.
pub(super) fn turn<T>(act: impl FnOnce() -> T) -> T {
    let is_nested = IS_TURNING.replace(true);
    let result = act();
    if !is_nested {
        poll_woken();
        IS_TURNING.set(false);
    }
    result
}

// Not inlined: each instance of the generic `turn` would contain a copy.
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
    let taken =
        change(task, |entry| match std::mem::replace(&mut entry.state, TaskState::Polled { cancelled: false }) {
            TaskState::Waiting(future) => Some(future),
            state => {
                entry.state = state;
                None
            }
        });
    let Some(mut future) = taken.flatten() else { return };
    // Polls may be nested: `run` polls a task during the poll of another.
    let previous = CURRENT.replace(task);
    let waker = Waker::from(Arc::new(TaskWaker(task)));
    let poll = future.as_mut().poll(&mut Context::from_waker(&waker));
    let ended = TASKS.with_borrow_mut(|tasks| match (poll, tasks.get_mut(task as usize)) {
        (Poll::Pending, Some(entry)) if !matches!(entry.state, TaskState::Polled { cancelled: true }) => {
            entry.state = TaskState::Waiting(future);
            None
        }
        (poll, _) => {
            tasks.try_remove(task as usize);
            Some((future, poll))
        }
    });
    if let Some((future, poll)) = ended {
        // The task's slot and timers are given back before JavaScript is called. The task's number is free from then on.
        drop(future);
        let failure = if let Poll::Ready(failure) = poll { failure } else { Failure::None };
        host::settle(task, failure as u32);
    }
    CURRENT.set(previous);
}

/// Changes the entry of a task. Returns `None` if the number was never used.
fn change<T>(task: u32, change: impl FnOnce(&mut TaskEntry) -> T) -> Option<T> {
    TASKS.with_borrow_mut(|tasks| tasks.get_mut(task as usize).map(change))
}
