//! A result that is set once and awaited elsewhere: Tornado's `Future`, over the traits of [`runtime`](crate::runtime).
//!
//! A [`Promise`] sets the result, and its [`Pending`] receives it. Callbacks see the result first and in turn; the
//! task that awaits the `Pending` takes it last.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::error::{Error, Result};
use crate::runtime::sync::{Mutex, MutexGuard};
use crate::runtime::{Executor, MaybeSend};

/// The message for a result that is asked for a second time.
const TAKEN: &str = "the result has been taken before";

/// Makes a promise and the future of its result.
///
/// # Examples
///
/// ```
/// use waterspout::tornado::promise;
///
/// let (promise, pending) = promise();
/// std::thread::spawn(move || promise.resolve(42));
/// assert_eq!(futures::executor::block_on(pending)?, 42);
/// # Ok::<(), waterspout::Error>(())
/// ```
pub fn promise<T>() -> (Promise<T>, Pending<T>) {
    let state = PromiseState {
        outcome: PromiseOutcome::None,
        cancelled: false,
        in_callbacks: false,
        is_starting: false,
        turn_ended: false,
        callbacks: VecDeque::new(),
        pending_waker: None,
        promise_waker: None,
    };
    let shared = Arc::new(PromiseShared(Mutex::new(state)));
    (Promise(shared.clone()), Pending(shared))
}

/// The side that sets the result. If it is dropped before, the result is an error of kind
/// [`Cancelled`](crate::ErrorKind::Cancelled).
pub struct Promise<T>(Arc<PromiseShared<T>>);

/// The side that waits: a future of the result.
///
/// # Cancellation
/// Dropping it discards the result and does not cancel the work: in callback style no variable keeps the `Pending`. To
/// stop the work, call [`cancel`](Self::cancel).
pub struct Pending<T>(Arc<PromiseShared<T>>);

struct PromiseShared<T>(Mutex<PromiseState<T>>);

struct PromiseState<T> {
    outcome: PromiseOutcome<T>,
    /// Whether [`Pending::cancel`] has set the result.
    cancelled: bool,
    /// Whether the callbacks are being run. The `Pending` becomes ready after them.
    in_callbacks: bool,
    /// Whether a call of [`PromiseShared::start_callbacks`] is in its loop.
    is_starting: bool,
    /// Tells that loop to start the next callback.
    turn_ended: bool,
    callbacks: VecDeque<Box<dyn DoneCallback<T>>>,
    /// Wakes the task that awaits the `Pending`.
    pending_waker: Option<Waker>,
    /// Wakes the task that awaits [`Promise::cancelled`].
    promise_waker: Option<Waker>,
}

enum PromiseOutcome<T> {
    None,
    Set(Result<T>),
    /// The task that awaited the result has it, or the callback that runs has borrowed it.
    Taken,
}

/// A callback and its executor. A trait of its own, so that its boxed form is `Send` where threads exist.
trait DoneCallback<T>: MaybeSend {
    /// Spawns the callback on its executor.
    fn start(self: Box<Self>, turn: CallbackTurn<T>);
}

struct OnDone<E, F> {
    executor: E,
    callback: F,
}

impl<T, E, F> DoneCallback<T> for OnDone<E, F>
where
    T: MaybeSend + 'static,
    E: Executor,
    F: FnOnce(&Result<T>) + MaybeSend + 'static,
{
    fn start(self: Box<Self>, turn: CallbackTurn<T>) {
        let Self { executor, callback } = *self;
        executor.spawn(Box::pin(async move { turn.run(callback) }));
    }
}

/// The turn of a callback. Dropping it starts the next callback, so neither a callback that panics nor an executor that
/// drops its task keeps the result from the other callbacks.
struct CallbackTurn<T> {
    shared: Arc<PromiseShared<T>>,
    /// The result, while the callback runs: the callback is called without the lock.
    borrowed: Option<Result<T>>,
}

impl<T> CallbackTurn<T> {
    fn run(mut self, callback: impl FnOnce(&Result<T>)) {
        let mut state = self.shared.lock();
        // The result is moved out while the callback runs, because the callback may use the promise and must find it
        // unlocked.
        match std::mem::replace(&mut state.outcome, PromiseOutcome::Taken) {
            PromiseOutcome::Set(result) => self.borrowed = Some(result),
            PromiseOutcome::None | PromiseOutcome::Taken => {}
        }
        drop(state);
        match &self.borrowed {
            Some(result) => callback(result),
            // Every callback is called, so that none waits for ever.
            None => callback(&Err(Error::cancelled(TAKEN))),
        }
    }
}

impl<T> Drop for CallbackTurn<T> {
    fn drop(&mut self) {
        if let Some(result) = self.borrowed.take() {
            self.shared.lock().outcome = PromiseOutcome::Set(result);
        }
        self.shared.start_callbacks();
    }
}

impl<T> Promise<T> {
    /// Sets the result to `value`. Returns whether this is the first result; a later result is ignored.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::tornado::promise;
    ///
    /// let (promise, pending) = promise();
    /// assert!(promise.resolve("first"));
    /// assert!(!promise.resolve("second"));
    /// assert_eq!(futures::executor::block_on(pending)?, "first");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn resolve(&self, value: T) -> bool {
        self.settle(Ok(value))
    }

    /// Sets the result to `error`. Returns whether this is the first result; a later result is ignored.
    pub fn reject(&self, error: Error) -> bool {
        self.settle(Err(error))
    }

    /// Sets the result. Returns whether this is the first result; a later result is ignored.
    pub fn settle(&self, result: Result<T>) -> bool {
        self.0.settle(result, false)
    }

    /// Returns whether [`Pending::cancel`] was called before a result was set.
    pub fn is_cancelled(&self) -> bool {
        self.0.lock().cancelled
    }

    /// Completes when [`Pending::cancel`] is called before a result is set, and never otherwise.
    ///
    /// A single task may wait at a time: only the task that polled last is woken.
    pub async fn cancelled(&self) {
        poll_fn(|cx| {
            let mut state = self.0.lock();
            if state.cancelled {
                return Poll::Ready(());
            }
            let replaced = state.promise_waker.replace(cx.waker().clone());
            drop(state);
            drop(replaced);
            Poll::Pending
        })
        .await;
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.0.settle(Err(Error::cancelled("the promise was dropped without a result")), false);
    }
}

impl<T> Pending<T> {
    /// Returns whether the result is set.
    pub fn is_done(&self) -> bool {
        !matches!(self.0.lock().outcome, PromiseOutcome::None)
    }

    /// Sets the result to an error of kind [`Cancelled`](crate::ErrorKind::Cancelled) and completes
    /// [`Promise::cancelled`]. Returns false, and does nothing, if the result was set before.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::ErrorKind;
    /// use waterspout::tornado::promise;
    ///
    /// let (promise, pending) = promise::<u32>();
    /// assert!(pending.cancel());
    /// assert!(promise.is_cancelled() && !promise.resolve(42));
    /// let error = futures::executor::block_on(pending).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Cancelled);
    /// ```
    pub fn cancel(&self) -> bool {
        let is_first = self.0.settle(Err(Error::cancelled("cancelled")), true);
        let waker = self.0.lock().promise_waker.take();
        waker.into_iter().for_each(Waker::wake);
        is_first
    }
}

impl<T: MaybeSend + 'static> Pending<T> {
    /// Calls `callback` with the result once it is set, as a task of `executor`: never within this call, nor within the
    /// call that sets the result.
    ///
    /// Callbacks run in the order in which they were added, never two at a time. The task that awaits the result gets
    /// it after them. A callback that is added after the result was taken gets an error of kind
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::tornado::{EventLoop, promise};
    ///
    /// let event_loop = EventLoop::new();
    /// let (promise, pending) = promise();
    /// let (seen, shown) = std::sync::mpsc::channel();
    /// pending.on_done(event_loop.executor(), move |result| seen.send(*result.as_ref().unwrap()).unwrap());
    /// promise.resolve(42);
    /// assert_eq!(shown.recv(), Ok(42));
    /// assert_eq!(event_loop.run_sync(pending)?, 42);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn on_done(&self, executor: impl Executor, callback: impl FnOnce(&Result<T>) + MaybeSend + 'static) {
        let mut state = self.0.lock();
        state.callbacks.push_back(Box::new(OnDone { executor, callback }));
        // While callbacks run, the turn before this callback starts it.
        let start = !matches!(state.outcome, PromiseOutcome::None) && !std::mem::replace(&mut state.in_callbacks, true);
        drop(state);
        if start {
            self.0.start_callbacks();
        }
    }
}

/// # Errors
/// The error that the promise was rejected with, or an error of kind [`Cancelled`](crate::ErrorKind::Cancelled).
impl<T> Future for Pending<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let mut state = self.0.lock();
        // Callbacks come first: the task that awaits takes the result, and nothing would be left to show.
        if state.in_callbacks || matches!(state.outcome, PromiseOutcome::None) {
            let replaced = state.pending_waker.replace(cx.waker().clone());
            drop(state);
            drop(replaced);
            return Poll::Pending;
        }
        match std::mem::replace(&mut state.outcome, PromiseOutcome::Taken) {
            PromiseOutcome::Set(result) => Poll::Ready(result),
            PromiseOutcome::None | PromiseOutcome::Taken => Poll::Ready(Err(Error::cancelled(TAKEN))),
        }
    }
}

impl<T> PromiseShared<T> {
    fn lock(&self) -> MutexGuard<'_, PromiseState<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the result, unless it was set before. Tasks are woken, and a late result is dropped, outside of the lock.
    fn settle(self: &Arc<Self>, result: Result<T>, cancelled: bool) -> bool {
        let mut state = self.lock();
        if !matches!(state.outcome, PromiseOutcome::None) {
            return false;
        }
        state.outcome = PromiseOutcome::Set(result);
        state.cancelled = cancelled;
        // Set even without callbacks: a callback that is added from here on must not start a second series.
        state.in_callbacks = true;
        drop(state);
        self.start_callbacks();
        true
    }

    /// Starts the next callback, or wakes the task that awaits the result if there is none.
    fn start_callbacks(self: &Arc<Self>) {
        let mut state = self.lock();
        state.turn_ended = true;
        // An executor may drop or run the task while it spawns it. The turn then ends within the loop below, which
        // starts the next callback. A call from here instead would nest, and many callbacks would overflow the stack.
        if std::mem::replace(&mut state.is_starting, true) {
            return;
        }
        let mut panic = None;
        while std::mem::take(&mut state.turn_ended) {
            let Some(callback) = state.callbacks.pop_front() else {
                state.in_callbacks = false;
                break;
            };
            drop(state);
            let turn = CallbackTurn { shared: self.clone(), borrowed: None };
            // An executor that panics must not keep the result from the other callbacks.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| callback.start(turn))) {
                panic.get_or_insert(payload);
            }
            state = self.lock();
        }
        state.is_starting = false;
        let waker = if state.in_callbacks { None } else { state.pending_waker.take() };
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        // A second panic while the thread unwinds would abort the process.
        if let Some(payload) = panic.filter(|_| !std::thread::panicking()) {
            resume_unwind(payload);
        }
    }
}

impl<T> fmt::Debug for Promise<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Promise").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("done", &self.is_done()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(panic = "unwind")]
mod thread_models;
