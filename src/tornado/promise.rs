//! One result that somebody sets and somebody else waits for: Tornado's `Future`, over the traits of
//! [`runtime`](crate::runtime).

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::error::{Error, Result};
use crate::runtime::{Executor, MaybeSend};

/// What a second look for a result finds.
const TAKEN: &str = "the result has been taken before";

/// A result to come: the one who sets it, and the one who waits.
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
    let state = State {
        outcome: Outcome::None,
        cancelled: false,
        showing: false,
        callbacks: VecDeque::new(),
        waiter: None,
        setter: None,
    };
    let shared = Arc::new(Shared(Mutex::new(state)));
    (Promise(shared.clone()), Pending(shared))
}

/// The side that sets the result. Dropped before it has, it sets an error of kind [`Cancelled`](crate::ErrorKind::Cancelled).
pub struct Promise<T>(Arc<Shared<T>>);

/// The side that waits: a future of the result.
///
/// # Cancellation
/// Dropping it tells nobody: the result is then nobody's. To stop whoever works on it, [`cancel`](Self::cancel).
pub struct Pending<T>(Arc<Shared<T>>);

struct Shared<T>(Mutex<State<T>>);

struct State<T> {
    outcome: Outcome<T>,
    cancelled: bool,
    /// Whether the result is on its way through the callbacks; who waits gets it after them.
    showing: bool,
    callbacks: VecDeque<Box<dyn Callback<T>>>,
    waiter: Option<Waker>,
    setter: Option<Waker>,
}

enum Outcome<T> {
    None,
    Set(Result<T>),
    /// Whoever awaited it has it, or a callback that it is being shown to.
    Taken,
}

/// A function that is to be shown the result, and where; boxed, so `Send` where there are threads.
trait Callback<T>: MaybeSend {
    /// Shows it the result on a later turn.
    fn start(self: Box<Self>, turn: Turn<T>);
}

struct OnDone<E, F> {
    executor: E,
    callback: F,
}

impl<T, E, F> Callback<T> for OnDone<E, F>
where
    T: MaybeSend + 'static,
    E: Executor,
    F: FnOnce(&Result<T>) + MaybeSend + 'static,
{
    fn start(self: Box<Self>, turn: Turn<T>) {
        let Self { executor, callback } = *self;
        executor.spawn(Box::pin(async move { turn.take(callback) }));
    }
}

/// A callback's turn. When it is dropped, be it before its time or by a panic, the next one comes.
struct Turn<T> {
    shared: Arc<Shared<T>>,
    lent: Option<Result<T>>,
}

impl<T> Turn<T> {
    fn take(mut self, callback: impl FnOnce(&Result<T>)) {
        let mut state = self.shared.lock();
        match std::mem::replace(&mut state.outcome, Outcome::Taken) {
            Outcome::Set(result) => self.lent = Some(result),
            Outcome::None | Outcome::Taken => {}
        }
        drop(state);
        match &self.lent {
            Some(result) => callback(result),
            None => callback(&Err(Error::cancelled(TAKEN))),
        }
    }
}

impl<T> Drop for Turn<T> {
    fn drop(&mut self) {
        if let Some(result) = self.lent.take() {
            self.shared.lock().outcome = Outcome::Set(result);
        }
        self.shared.show_next();
    }
}

impl<T> Promise<T> {
    /// Sets the result to `value`; says whether it was the first to be set. A later one is ignored.
    pub fn resolve(&self, value: T) -> bool {
        self.settle(Ok(value))
    }

    /// Sets the result to `error`; says whether it was the first to be set. A later one is ignored.
    pub fn reject(&self, error: Error) -> bool {
        self.settle(Err(error))
    }

    /// Sets the result; says whether it was the first to be set. A later one is ignored.
    pub fn settle(&self, result: Result<T>) -> bool {
        self.0.settle(result, false)
    }

    /// Whether [`Pending::cancel`] came before a result.
    pub fn is_cancelled(&self) -> bool {
        self.0.lock().cancelled
    }

    /// Completes once [`Pending::cancel`] has come before a result; else never. For one task: the last to ask is woken.
    pub async fn cancelled(&self) {
        poll_fn(|cx| {
            let mut state = self.0.lock();
            if state.cancelled {
                return Poll::Ready(());
            }
            let before = state.setter.replace(cx.waker().clone());
            drop(state);
            drop(before);
            Poll::Pending
        })
        .await;
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.0.settle(Err(Error::cancelled("whoever was to give the result has gone")), false);
    }
}

impl<T> Pending<T> {
    /// Whether there is a result.
    pub fn is_done(&self) -> bool {
        !matches!(self.0.lock().outcome, Outcome::None)
    }

    /// Sets an error of kind [`Cancelled`](crate::ErrorKind::Cancelled) as the result, unless there is one, and tells the other
    /// side; says whether it was in time.
    pub fn cancel(&self) -> bool {
        let in_time = self.0.settle(Err(Error::cancelled("cancelled")), true);
        let setter = self.0.lock().setter.take();
        setter.into_iter().for_each(Waker::wake);
        in_time
    }
}

impl<T: MaybeSend + 'static> Pending<T> {
    /// Shows the result to `callback` once it is there, on a later turn of `executor`, never within this call or the one
    /// that sets the result.
    ///
    /// Callbacks run one after the other, in the order in which they were added, and before whoever awaits the result gets
    /// it. One that is added after the result was taken away is shown an error of kind [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn on_done(&self, executor: impl Executor, callback: impl FnOnce(&Result<T>) + MaybeSend + 'static) {
        let mut state = self.0.lock();
        state.callbacks.push_back(Box::new(OnDone { executor, callback }));
        let start = !matches!(state.outcome, Outcome::None) && !std::mem::replace(&mut state.showing, true);
        drop(state);
        if start {
            self.0.show_next();
        }
    }
}

/// # Errors
/// What the other side has set, or an error of kind [`Cancelled`](crate::ErrorKind::Cancelled).
impl<T> Future for Pending<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let mut state = self.0.lock();
        if state.showing || matches!(state.outcome, Outcome::None) {
            let before = state.waiter.replace(cx.waker().clone());
            drop(state);
            drop(before);
            return Poll::Pending;
        }
        match std::mem::replace(&mut state.outcome, Outcome::Taken) {
            Outcome::Set(result) => Poll::Ready(result),
            Outcome::None | Outcome::Taken => Poll::Ready(Err(Error::cancelled(TAKEN))),
        }
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the first result. What it wakes, it wakes outside of the lock; a result that is too late is dropped there too.
    fn settle(self: &Arc<Self>, result: Result<T>, cancelled: bool) -> bool {
        let mut state = self.lock();
        if !matches!(state.outcome, Outcome::None) {
            return false;
        }
        state.outcome = Outcome::Set(result);
        state.cancelled = cancelled;
        state.showing = true;
        drop(state);
        self.show_next();
        true
    }

    /// Hands the result to the next callback, or to whoever awaits it.
    fn show_next(self: &Arc<Self>) {
        let mut state = self.lock();
        let Some(callback) = state.callbacks.pop_front() else {
            state.showing = false;
            let waiter = state.waiter.take();
            drop(state);
            return waiter.into_iter().for_each(Waker::wake);
        };
        drop(state);
        callback.start(Turn { shared: self.clone(), lent: None });
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
