//! The executor of an event loop: a thread of its own, or the executor that the program gave.
//!
//! It records which loops each thread is inside of, so that a wait for a loop from inside it is refused: the loop could
//! not go on until the wait ends, and the wait could not end until the loop goes on. Tornado refuses the same.

use std::cell::RefCell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use super::fork;
use super::task_threads::TaskThreads;
use crate::runtime::{BoxFuture, Executor};

thread_local! {
    /// The loops whose tasks or blocking waits run on this thread.
    static INSIDE: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
}

/// The blocking waits of the process: the number of a loop, and the number of the loop that it waits for.
static WAITS: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());

/// A loop that a thread is inside of.
#[derive(Clone, Copy)]
struct Entered {
    /// The number of the loop.
    number: usize,
    /// Whether a task of the loop runs, which blocks the loop. The future of a blocking wait does not: it runs on the
    /// thread that waits.
    is_task: bool,
}

/// The executor of an event loop. A clone is another handle of the same executor.
#[derive(Clone)]
pub(crate) struct LoopExecutor {
    /// The number of the loop. Each number is given once.
    number: usize,
    executor: Arc<dyn Executor>,
    /// Whether the program gave the executor.
    is_given: bool,
}

impl LoopExecutor {
    /// Makes an executor with a thread of its own, which the first task starts.
    pub(super) fn with_thread() -> Self {
        Self::new(Arc::new(TaskThreads::new("waterspout-loop", 1)), false)
    }

    /// Makes an executor over the executor of a program.
    pub(super) fn over(executor: Arc<dyn Executor>) -> Self {
        Self::new(executor, true)
    }

    fn new(executor: Arc<dyn Executor>, is_given: bool) -> Self {
        static LAST_NUMBER: AtomicUsize = AtomicUsize::new(0);
        Self { number: LAST_NUMBER.fetch_add(1, Ordering::Relaxed), executor, is_given }
    }

    /// Returns whether the program gave the executor.
    pub(super) fn is_given(&self) -> bool {
        self.is_given
    }

    /// Runs `future` on this thread until it completes. Returns `None`, and drops `future`, if this thread is inside of
    /// the loop, or inside of a loop that the loop waits for.
    pub(super) fn block_on<F: Future>(&self, future: F) -> Option<F::Output> {
        let _wait = BlockingWait::begin(self.number)?;
        let _inside = InsideLoop::enter(Entered { number: self.number, is_task: false });
        if fork::is_child() {
            return Some(block_without_reactor(future));
        }
        Some(async_io::block_on(future))
    }
}

impl Executor for LoopExecutor {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.executor.spawn(Box::pin(LoopTask { number: self.number, task: Some(task) }));
    }
}

/// Runs `future` on this thread until it completes, and serves no socket meanwhile.
///
/// A forked child waits so: its copy of the reactor shares its list of sockets with the parent. A child that polls it
/// takes the events of the parent, and the parent takes the wake-ups of the child.
fn block_without_reactor<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(ParkedThread(thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        // A wake before this call is not lost: it makes this call return at once.
        thread::park();
    }
}

/// A thread that waits in [`block_without_reactor`].
struct ParkedThread(Thread);

impl Wake for ParkedThread {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A task that runs inside of a loop.
struct LoopTask {
    number: usize,
    /// `None` after the end of the task.
    task: Option<BoxFuture<'static, ()>>,
}

impl Future for LoopTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let _inside = InsideLoop::enter(Entered { number: self.number, is_task: true });
        let poll = self.task.as_mut().map_or(Poll::Ready(()), |task| task.as_mut().poll(cx));
        if poll.is_ready() {
            self.task = None;
        }
        poll
    }
}

impl Drop for LoopTask {
    fn drop(&mut self) {
        // A destructor may wait for the loop, too.
        let _inside = InsideLoop::enter(Entered { number: self.number, is_task: true });
        self.task = None;
    }
}

/// Records that this thread is inside of a loop, until it is dropped.
struct InsideLoop;

impl InsideLoop {
    fn enter(entered: Entered) -> Self {
        // A destructor of the thread may run after the record is gone. Then nothing is recorded.
        let _ = INSIDE.try_with(|inside| inside.borrow_mut().push(entered));
        Self
    }
}

impl Drop for InsideLoop {
    fn drop(&mut self) {
        let _ = INSIDE.try_with(|inside| inside.borrow_mut().pop());
    }
}

/// Records that the loops whose tasks run on this thread wait for another loop, until it is dropped.
struct BlockingWait(Vec<(usize, usize)>);

impl BlockingWait {
    /// Returns `None` if this thread is inside of the loop `number`, or if the wait for it would close a circle of loops
    /// that wait for each other.
    fn begin(number: usize) -> Option<Self> {
        let inside = INSIDE.try_with(|inside| inside.borrow().clone()).unwrap_or_default();
        let mut waits = lock_waits();
        let waited_for = reachable(&waits, number);
        let closes_circle = |own: &Entered| own.number == number || own.is_task && waited_for.contains(&own.number);
        if inside.iter().any(closes_circle) {
            return None;
        }
        let own: Vec<_> = inside.iter().filter(|own| own.is_task).map(|own| (own.number, number)).collect();
        waits.extend(&own);
        Some(Self(own))
    }
}

impl Drop for BlockingWait {
    fn drop(&mut self) {
        let mut waits = lock_waits();
        for wait in &self.0 {
            if let Some(index) = waits.iter().position(|other| other == wait) {
                waits.swap_remove(index);
            }
        }
    }
}

/// Returns `start` and the loops that it waits for, directly or through other loops.
fn reachable(waits: &[(usize, usize)], start: usize) -> Vec<usize> {
    let mut found = vec![start];
    let mut next = 0;
    while let Some(from) = found.get(next).copied() {
        for (_, to) in waits.iter().filter(|wait| wait.0 == from) {
            if !found.contains(to) {
                found.push(*to);
            }
        }
        next += 1;
    }
    found
}

fn lock_waits() -> MutexGuard<'static, Vec<(usize, usize)>> {
    WAITS.lock().unwrap_or_else(PoisonError::into_inner)
}
