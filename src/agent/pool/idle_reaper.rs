//! The idle reaper: a task for each pool that closes idle connections in time.
//!
//! It closes a connection that has been idle too long, that the server has closed, or on which the server has sent
//! bytes without a request. The task ends when the pool has no idle connections, and starts again with the next.

use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::select;
use futures::stream::FuturesUnordered;
use futures::task::AtomicWaker;
use futures::{FutureExt, StreamExt};

use super::Pool;
use super::idle::{Sweep, WatchTarget};
use super::reaper_signal::ReaperRun;
use crate::runtime::sync::atomic::{AtomicBool, Ordering};
use crate::runtime::{BoxFuture, Timer};

/// How long a connection has to be idle before it is watched.
///
/// Watching registers the socket with the reactor, which costs system calls. A connection that goes from request to
/// request within this time never pays for them.
const WATCH_AFTER: Duration = Duration::from_millis(100);

/// Starts the task if it does not run, or wakes it for a new idle connection. Does nothing for an agent without an
/// executor: its pool checks an idle connection only when a request takes it.
pub(super) fn notify(pool: &Arc<Pool>) {
    let Some(signal) = pool.reaper() else { return };
    let flags = &signal.shared;
    if !flags.is_running.swap(true, Ordering::SeqCst) {
        // The task must not keep the pool alive: the pool, and its connections, go with the last agent.
        let reaper = ReaperRun { flags: flags.clone(), has_ended: false };
        let task = run(Arc::downgrade(pool), signal.timer.clone(), reaper);
        signal.executor.spawn(Box::pin(task));
    } else if flags.is_sleeping.swap(false, Ordering::SeqCst) {
        flags.waker.wake();
    }
}

/// Runs until the pool is gone or has no idle connections.
async fn run(pool: Weak<Pool>, timer: Arc<dyn Timer>, mut reaper: ReaperRun) {
    let flags = reaper.flags.clone();
    let mut watches = FuturesUnordered::new();
    let mut wake_at = timer.now() + WATCH_AFTER;
    let mut sleeps = false;
    loop {
        let is_sleeping = sleeps.then_some(&flags.is_sleeping);
        poll_watches(&mut watches, timer.sleep_until(wake_at), is_sleeping, &flags.waker).await;
        let Some(strong) = pool.upgrade() else { return };
        let now = timer.now();
        match strong.sweep(now.before(WATCH_AFTER), now) {
            Sweep::Idle { targets, first_expiry } => {
                watches.extend(targets.into_iter().map(|target| watch(pool.clone(), target)));
                // First the flag, then the check: a connection that becomes idle meanwhile is either seen by the check,
                // or `notify` sees the flag and wakes the task.
                flags.is_sleeping.store(true, Ordering::SeqCst);
                if !strong.all_watched() {
                    flags.is_sleeping.store(false, Ordering::SeqCst);
                }
                sleeps = flags.is_sleeping.load(Ordering::SeqCst);
                // A sleeping task is woken for a new connection. While a connection is not watched yet, the task looks
                // again after 100 ms.
                wake_at = if sleeps { first_expiry } else { first_expiry.min(now + WATCH_AFTER) };
            }
            Sweep::Empty => {
                // First the flag, then the check again: a connection that becomes idle meanwhile either starts a new
                // task, or keeps this task running.
                flags.is_running.store(false, Ordering::SeqCst);
                if strong.is_empty() || flags.is_running.swap(true, Ordering::SeqCst) {
                    reaper.has_ended = true;
                    return;
                }
                wake_at = now + WATCH_AFTER;
                sleeps = false;
            }
        }
    }
}

/// Polls the watches until `sleep` ends, or until `is_sleeping` is cleared.
///
/// Without the flag, the task looks again after 100 ms and is not woken for a new idle connection.
async fn poll_watches(
    watches: &mut FuturesUnordered<BoxFuture<'static, ()>>,
    mut sleep: BoxFuture<'static, ()>,
    is_sleeping: Option<&AtomicBool>,
    waker: &AtomicWaker,
) {
    poll_fn(|cx: &mut Context<'_>| {
        // Registered before the flag is read, so that no wake-up is lost in between.
        waker.register(cx.waker());
        while let Poll::Ready(Some(())) = watches.poll_next_unpin(cx) {}
        match is_sleeping {
            Some(is_sleeping) if !is_sleeping.load(Ordering::SeqCst) => Poll::Ready(()),
            _ => sleep.poll_unpin(cx),
        }
    })
    .await;
}

/// Completes when an idle connection has left the pool: a request took it, or it could not be used any more.
fn watch(pool: Weak<Pool>, target: WatchTarget) -> BoxFuture<'static, ()> {
    let WatchTarget { key, id, removed } = target;
    let unfit = poll_fn(move |cx| match pool.upgrade() {
        Some(pool) => pool.poll_removed(&key, id, cx),
        None => Poll::Ready(()),
    });
    Box::pin(select(unfit, removed).map(drop))
}
