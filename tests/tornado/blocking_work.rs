//! Work that blocks: on the executor that was given to a loop, or on a thread for such work.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use async_io::block_on;
use futures::FutureExt;
use waterspout::platform::native::{BackgroundThread, RunSyncError, SystemTimer};
use waterspout::tornado::EventLoop;

use crate::support::executor::ManualExecutor;

/// A loop over an executor of the test's own, and a counter of the work that ran.
fn over_manual_executor() -> (EventLoop, ManualExecutor, Arc<AtomicUsize>) {
    let turns = ManualExecutor::default();
    (EventLoop::over(turns.clone(), SystemTimer), turns, Arc::default())
}

fn count(counter: &Arc<AtomicUsize>) -> impl FnOnce() -> usize + Send + 'static {
    let counter = counter.clone();
    move || counter.fetch_add(1, Ordering::SeqCst)
}

#[test]
fn run_in_executor_uses_the_executor_of_the_loop() {
    let (event_loop, turns, ran) = over_manual_executor();
    let mut work = Box::pin(event_loop.run_in_executor(count(&ran)));
    // Queued by the call, and run by the executor alone.
    assert_eq!(turns.tasks(), 1);
    assert!((&mut work).now_or_never().is_none());
    turns.run();
    assert_eq!((work.now_or_never(), ran.load(Ordering::SeqCst)), (Some(0), 1));
    // On the thread that drives the executor.
    let work = event_loop.run_in_executor(|| thread::current().id());
    turns.run();
    assert_eq!(work.now_or_never(), Some(thread::current().id()));
}

#[test]
fn work_that_was_dropped_before_it_began_never_begins() {
    let (event_loop, turns, ran) = over_manual_executor();
    drop(event_loop.run_in_executor(count(&ran)));
    turns.run();
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

#[test]
fn panic_of_work_reaches_the_task_that_awaits_it() {
    let (event_loop, turns, _) = over_manual_executor();
    let work = event_loop.run_in_executor(|| panic!("the work's own mistake"));
    turns.run();
    assert_eq!(turns.panics(), 0);
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work.now_or_never())).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"the work's own mistake"));
}

#[test]
fn work_that_the_executor_drops_panics_and_does_not_hang() {
    let (event_loop, turns, ran) = over_manual_executor();
    let work = event_loop.run_in_executor(count(&ran));
    turns.end();
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work.now_or_never())).is_err());
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

#[test]
fn spawn_blocking_and_a_loop_without_an_executor_use_another_thread() {
    for event_loop in [EventLoop::new(), EventLoop::over(ManualExecutor::default(), SystemTimer)] {
        assert_ne!(block_on(event_loop.spawn_blocking(|| thread::current().id())), thread::current().id());
    }
    let event_loop = EventLoop::new();
    assert_ne!(block_on(event_loop.run_in_executor(|| thread::current().id())), thread::current().id());
    // The work may wait for the loop: it runs outside of it.
    for work in [event_loop.clone(), event_loop.clone()].map(|same| move || same.try_run_sync(async { 42 })) {
        assert_eq!(event_loop.run_sync(event_loop.spawn_blocking(work)), Ok(42));
    }
}

#[test]
fn work_on_the_executor_of_a_loop_is_inside_of_the_loop() {
    let event_loop = EventLoop::over(BackgroundThread, SystemTimer);
    let same = event_loop.clone();
    let work = event_loop.run_in_executor(move || same.try_run_sync(async { 42 }));
    assert_eq!(block_on(work), Err(RunSyncError::InsideLoop));
}
