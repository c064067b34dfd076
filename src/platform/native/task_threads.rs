//! Threads that run tasks from a queue. A thread that a task blocks does not delay the other tasks for long.
//!
//! The first task starts a thread. If tasks are ready and all threads are busy, a standby thread looks at the queue
//! every 50 ms, and runs the first task that has waited as long: the other threads are blocked, or there is more work
//! than they can do. The threads end once no handle and no task is left.
//!
//! Tasks and wakers are foreign code, which may spawn tasks. They are called and dropped outside of all locks.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use super::fork;
use crate::runtime::{BoxFuture, Executor};

/// How long a ready task waits while all threads are busy, before the standby thread runs it.
const PATIENCE: Duration = Duration::from_millis(50);

/// How many times the standby thread finds an empty queue before it ends: after a second.
const QUIET_LOOKS: u32 = 20;

/// How long a thread beside another thread stays without work.
const MAX_IDLE: Duration = Duration::from_secs(10);

/// The code of a thread.
type ThreadMain = Box<dyn FnOnce() + Send>;

/// A handle of threads that run tasks. A clone is another handle of the same threads.
#[derive(Clone)]
pub(super) struct TaskThreads(Arc<TaskOwner>);

impl TaskThreads {
    /// Makes a handle without a thread; the first task starts a thread. `max_threads` is at least 1.
    pub(super) fn new(name: &'static str, max_threads: usize) -> Self {
        let state = Mutex::default();
        let available = Condvar::new();
        let queue = TaskQueue { name, max_threads, process: AtomicU32::new(0), state, available };
        Self(Arc::new(TaskOwner(Arc::new(queue))))
    }

    /// Runs `task` on a thread. `start` starts the first thread if there is none. Drops `task` if `start` fails.
    fn spawn_with(&self, task: BoxFuture<'static, ()>, start: impl FnOnce(ThreadMain) -> io::Result<()>) {
        let queue = &self.0.0;
        // `task` is dropped outside of the lock: it is foreign code, which may spawn another task.
        if queue.ensure_thread(start).is_ok() {
            let future = Mutex::new(Some(task));
            let state = Mutex::new(PollState::Waiting);
            Arc::new(Task { future, state, owner: self.0.clone() }).wake();
        }
    }
}

impl Executor for TaskThreads {
    /// Runs `task` on a thread, or drops it if the system refuses the first thread.
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.spawn_with(task, |main| self.0.0.start(main));
    }
}

/// Held by each handle and each task. Dropping the last ends the threads.
struct TaskOwner(Arc<TaskQueue>);

impl Drop for TaskOwner {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.available.notify_all();
    }
}

struct TaskQueue {
    /// The name of the threads.
    name: &'static str,
    max_threads: usize,
    /// The number of the process that has the threads; zero before the first thread.
    // Beside the lock: in a forked child the copy of the lock may be locked for ever.
    process: AtomicU32,
    state: Mutex<TaskQueueState>,
    /// Signals a ready task, and the end.
    available: Condvar,
}

#[derive(Default)]
struct TaskQueueState {
    ready: VecDeque<ReadyTask>,
    /// How many threads there are, besides the standby thread.
    threads: usize,
    /// How many of them run a task.
    busy: usize,
    has_standby: bool,
    /// Whether no handle and no task is left.
    is_closed: bool,
}

struct ReadyTask {
    task: Arc<Task>,
    since: Instant,
}

/// What the standby thread does after a look at the queue.
enum Look {
    /// Looks again.
    Wait,
    /// Runs tasks like the other threads.
    Run,
    Exit,
}

impl TaskQueueState {
    /// Returns whether a standby thread has to be started, and counts it as started.
    fn take_standby(&mut self, max_threads: usize) -> bool {
        let has_enough = self.ready.len() <= self.threads - self.busy;
        if has_enough || self.has_standby || self.threads >= max_threads {
            return false;
        }
        self.has_standby = true;
        true
    }

    /// Decides what the standby thread does at the time `now`. `quiet_looks` counts how often it found an empty queue.
    ///
    /// The end of the standby thread is recorded in the step that decides it. Otherwise a task that becomes ready in
    /// between would start no other standby thread, and would wait for a thread that is blocked.
    fn look(&mut self, now: Instant, quiet_looks: &mut u32) -> Look {
        let Some(first) = self.ready.front() else {
            *quiet_looks += 1;
            if *quiet_looks < QUIET_LOOKS {
                return Look::Wait;
            }
            self.has_standby = false;
            return Look::Exit;
        };
        *quiet_looks = 0;
        if now.saturating_duration_since(first.since) < PATIENCE {
            return Look::Wait;
        }
        self.has_standby = false;
        self.threads += 1;
        Look::Run
    }
}

impl TaskQueue {
    /// Starts the first thread, if there is none.
    ///
    /// # Errors
    /// If the system refuses the thread. The next call tries again: the system may have room for a thread then. In a
    /// forked child if the parent has the threads.
    fn ensure_thread(self: &Arc<Self>, start: impl FnOnce(ThreadMain) -> io::Result<()>) -> io::Result<()> {
        let present = std::process::id();
        let process = self.process.load(Ordering::Relaxed);
        if process != 0 && process != present {
            return Err(fork::ForkedChild.into());
        }
        let mut state = self.lock();
        if state.threads == 0 {
            fork::remember();
            let queue = self.clone();
            start(Box::new(move || queue.work()))?;
            self.process.store(present, Ordering::Relaxed);
            state.threads = 1;
        }
        Ok(())
    }

    fn start(&self, main: ThreadMain) -> io::Result<()> {
        thread::Builder::new().name(self.name.to_owned()).spawn(main).map(drop)
    }

    /// Adds a ready task.
    fn push(self: &Arc<Self>, task: Arc<Task>) {
        let mut state = self.lock();
        state.ready.push_back(ReadyTask { task, since: Instant::now() });
        let needs_standby = state.take_standby(self.max_threads);
        let has_free_thread = state.threads > state.busy;
        drop(state);
        // A signal is a system call. A busy thread looks at the queue before it waits, so it needs no signal.
        if has_free_thread {
            self.available.notify_one();
        }
        if needs_standby {
            self.start_standby();
        }
    }

    fn start_standby(self: &Arc<Self>) {
        let queue = self.clone();
        if self.start(Box::new(move || queue.stand_by())).is_err() {
            // The next ready task tries again.
            self.lock().has_standby = false;
        }
    }

    /// Runs ready tasks until the threads end. The thread that calls it is counted and not busy.
    fn work(&self) {
        while let Some(task) = self.next() {
            task.run();
            self.lock().busy -= 1;
        }
    }

    /// Waits for a ready task and counts the thread as busy. Returns `None` if the thread has to end.
    fn next(&self) -> Option<Arc<Task>> {
        let mut state = self.lock();
        loop {
            if let Some(ready) = state.ready.pop_front() {
                state.busy += 1;
                return Some(ready.task);
            }
            if state.is_closed {
                return None;
            }
            if state.threads == 1 {
                state = self.available.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let waited = self.available.wait_timeout(state, MAX_IDLE).unwrap_or_else(PoisonError::into_inner);
            state = waited.0;
            // Another thread may have ended meanwhile, and the last thread stays.
            if waited.1.timed_out() && state.ready.is_empty() && state.threads > 1 {
                state.threads -= 1;
                return None;
            }
        }
    }

    /// Looks at the queue until a task has waited too long, and then runs it as a thread like the other threads.
    fn stand_by(self: &Arc<Self>) {
        let mut quiet_looks = 0;
        loop {
            thread::sleep(PATIENCE);
            let mut state = self.lock();
            match state.look(Instant::now(), &mut quiet_looks) {
                Look::Wait => {}
                Look::Exit => return,
                Look::Run => {
                    // The task that this thread runs may block, too.
                    let needs_standby = state.take_standby(self.max_threads);
                    drop(state);
                    if needs_standby {
                        self.start_standby();
                    }
                    return self.work();
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, TaskQueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Task {
    /// `None` while the task runs, and after its end.
    future: Mutex<Option<BoxFuture<'static, ()>>>,
    state: Mutex<PollState>,
    owner: Arc<TaskOwner>,
}

enum PollState {
    Waiting,
    /// The task is in the queue.
    Ready,
    Running,
    /// The task was woken while it runs, so it runs again.
    Woken,
    Ended,
}

impl Task {
    /// Polls the future once. A panic ends the task and not the thread, which has other tasks.
    fn run(self: Arc<Self>) {
        self.set_poll_state(PollState::Running);
        let Some(mut future) = self.lock_future().take() else { return };
        let waker = Waker::from(self.clone());
        let poll = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut Context::from_waker(&waker))));
        if matches!(poll, Ok(Poll::Pending)) {
            *self.lock_future() = Some(future);
            return self.suspend();
        }
        self.set_poll_state(PollState::Ended);
        drop_caught(future);
        drop_caught(poll);
    }

    /// Waits for a wake, or queues the task again if it was woken while it ran.
    fn suspend(self: Arc<Self>) {
        let mut state = self.lock_poll_state();
        let is_woken = matches!(*state, PollState::Woken);
        *state = if is_woken { PollState::Ready } else { PollState::Waiting };
        drop(state);
        if is_woken {
            self.owner.0.push(self.clone());
        }
    }

    fn set_poll_state(&self, state: PollState) {
        *self.lock_poll_state() = state;
    }

    fn lock_poll_state(&self) -> MutexGuard<'_, PollState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_future(&self) -> MutexGuard<'_, Option<BoxFuture<'static, ()>>> {
        self.future.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Task {
    /// Drops the future of a task that can never be woken again: on the thread that has polled it, or where its last
    /// waker is dropped.
    fn drop(&mut self) {
        let future = self.lock_future().take();
        drop_caught(future);
    }
}

/// Drops a value of the program. A destructor that panics must not end the thread, which has other tasks.
fn drop_caught<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        // The destructor of the payload may panic, too.
        std::mem::forget(payload);
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let mut state = self.lock_poll_state();
        let becomes_ready = matches!(*state, PollState::Waiting);
        *state = match *state {
            PollState::Waiting | PollState::Ready => PollState::Ready,
            PollState::Running | PollState::Woken => PollState::Woken,
            PollState::Ended => PollState::Ended,
        };
        drop(state);
        if becomes_ready {
            self.owner.0.push(self.clone());
        }
    }
}

#[cfg(test)]
#[path = "task_threads_tests.rs"]
mod tests;
