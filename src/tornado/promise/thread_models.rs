//! Thread models of the promise: its result is set once, shown to each callback once, and delivered once.

use super::*;
use crate::runtime::sync::atomic::{AtomicUsize, Ordering};
use crate::runtime::sync::model::{ThreadPerTask, block_on, check, join_all, spawn};

/// Counts what happens, from several threads.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn add(&self, happened: bool) {
        self.0.fetch_add(usize::from(happened), Ordering::SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

#[test]
fn one_of_several_results_is_delivered() {
    check("promise: results", || {
        let (promise, mut pending) = promise();
        let promise = Arc::new(promise);
        let firsts = Count::default();
        let resolve = |value: u32| {
            let promise = promise.clone();
            let firsts = firsts.clone();
            spawn(move || firsts.add(promise.resolve(value)))
        };
        let threads = [resolve(1), resolve(2)];
        drop(promise);
        let result = block_on(&mut pending).unwrap();
        assert!(result == 1 || result == 2);
        join_all(threads);
        assert_eq!(firsts.get(), 1);
        // The result has been taken.
        assert!(block_on(pending).is_err());
    });
}

#[test]
fn cancel_and_result_exclude_each_other() {
    check("promise: cancel", || {
        let (promise, pending) = promise();
        let firsts = Count::default();
        let worker = spawn({
            let firsts = firsts.clone();
            move || {
                let was_first = promise.resolve(1);
                firsts.add(was_first);
                if !was_first {
                    block_on(promise.cancelled());
                }
            }
        });
        let is_cancelled = pending.cancel();
        firsts.add(is_cancelled);
        assert_eq!(block_on(pending).is_err(), is_cancelled);
        join_all([worker]);
        assert_eq!(firsts.get(), 1);
    });
}

#[test]
fn waiting_worker_hears_of_the_cancel() {
    check("promise: cancelled", || {
        let (promise, pending) = promise::<u32>();
        let worker = spawn(move || block_on(promise.cancelled()));
        assert!(pending.cancel());
        join_all([worker]);
        assert!(block_on(pending).is_err());
    });
}

#[test]
fn dropped_promise_ends_the_wait() {
    check("promise: drop", || {
        let (promise, pending) = promise::<u32>();
        let worker = spawn(move || drop(promise));
        assert!(block_on(pending).is_err());
        join_all([worker]);
    });
}

#[test]
fn each_callback_runs_once_and_before_the_task_that_awaits() {
    check("promise: callbacks", || {
        let (promise, pending) = promise();
        let called = Count::default();
        let running = Count::default();
        let callback = || {
            let called = called.clone();
            let running = running.clone();
            move |result: &Result<u32>| {
                assert_eq!(*result.as_ref().unwrap(), 1);
                assert_eq!(running.get(), 0, "two callbacks run at a time");
                running.add(true);
                called.add(true);
                running.0.fetch_sub(1, Ordering::SeqCst);
            }
        };
        pending.on_done(ThreadPerTask, callback());
        let worker = spawn(move || assert!(promise.resolve(1)));
        pending.on_done(ThreadPerTask, callback());
        assert_eq!(block_on(pending).unwrap(), 1);
        assert_eq!(called.get(), 2);
        join_all([worker]);
    });
}
