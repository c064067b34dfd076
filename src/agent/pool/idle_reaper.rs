//! Who looks after connections that nobody uses: one task for a pool, as long as there are any.
//!
//! It closes those that have been idle too long, and those that the server closes or says something on. A connection
//! that goes from request to request is never watched: that would cost each request more than the request itself.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::select;
use futures::stream::FuturesUnordered;
use futures::task::AtomicWaker;
use futures::{FutureExt, StreamExt};

use super::{Pool, Sweep, Unwatched};
use crate::runtime::{BoxFuture, Executor, Timer};

/// How long a connection has to be idle before it is watched.
const SOON: Duration = Duration::from_millis(100);

/// What starts the task, and wakes it.
pub(in crate::agent) struct IdleReaper {
    executor: Arc<dyn Executor>,
    timer: Arc<dyn Timer>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    running: AtomicBool,
    /// Whether it sleeps until a connection expires, and so has to be told of a new one.
    resting: AtomicBool,
    waker: AtomicWaker,
}

impl IdleReaper {
    pub(in crate::agent) fn new(executor: Arc<dyn Executor>, timer: Arc<dyn Timer>) -> Self {
        Self { executor, timer, state: Arc::default() }
    }

    /// Sees to it that the task runs and knows of a new connection.
    pub(in crate::agent) fn ensure(&self, pool: &Arc<Pool>) {
        if !self.state.running.swap(true, Ordering::SeqCst) {
            let task = watch(Arc::downgrade(pool), self.timer.clone(), self.state.clone());
            self.executor.spawn(Box::pin(task));
        } else if self.state.resting.swap(false, Ordering::SeqCst) {
            self.state.waker.wake();
        }
    }
}

impl Drop for IdleReaper {
    fn drop(&mut self) {
        self.state.resting.store(false, Ordering::SeqCst);
        self.state.waker.wake();
    }
}

async fn watch(pool: Weak<Pool>, timer: Arc<dyn Timer>, state: Arc<State>) {
    let mut watched = FuturesUnordered::new();
    let (mut wake_at, mut rests) = (timer.now() + SOON, false);
    loop {
        rest(&mut watched, timer.sleep_until(wake_at), rests.then_some(&state.resting), &state.waker).await;
        let Some(strong) = pool.upgrade() else { return };
        let now = timer.now();
        match strong.round(now.before(SOON), now) {
            Sweep::Kept(unwatched, first) => {
                watched.extend(unwatched.into_iter().map(|unwatched| gone(pool.clone(), unwatched)));
                // In this order, so that one that is put back meanwhile is either seen here or wakes the task.
                state.resting.store(true, Ordering::SeqCst);
                if !strong.all_watched() {
                    state.resting.store(false, Ordering::SeqCst);
                }
                rests = state.resting.load(Ordering::SeqCst);
                wake_at = if rests { first } else { first.min(now + SOON) };
            }
            Sweep::Empty => {
                state.running.store(false, Ordering::SeqCst);
                if strong.is_empty() || state.running.swap(true, Ordering::SeqCst) {
                    return;
                }
                (wake_at, rests) = (now + SOON, false);
            }
        }
    }
}

/// Watches until `alarm` goes off, or `resting` is no longer true.
async fn rest(
    watched: &mut FuturesUnordered<BoxFuture<'static, ()>>,
    mut alarm: BoxFuture<'static, ()>,
    resting: Option<&AtomicBool>,
    waker: &AtomicWaker,
) {
    poll_fn(|cx: &mut Context<'_>| {
        waker.register(cx.waker());
        while let Poll::Ready(Some(())) = watched.poll_next_unpin(cx) {}
        match resting {
            Some(resting) if !resting.load(Ordering::SeqCst) => Poll::Ready(()),
            _ => alarm.poll_unpin(cx),
        }
    })
    .await;
}

/// Completes when a kept connection has been taken, or had to be closed.
fn gone(pool: Weak<Pool>, unwatched: Unwatched) -> BoxFuture<'static, ()> {
    let Unwatched { key, number, taken } = unwatched;
    let unfit = poll_fn(move |cx| match pool.upgrade() {
        Some(pool) => pool.poll_gone(&key, number, cx),
        None => Poll::Ready(()),
    });
    Box::pin(select(unfit, taken).map(drop))
}
