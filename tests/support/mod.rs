//! What tests of callbacks share: an executor that is moved by hand.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use futures::future::BoxFuture;
use waterspout::Executor;

/// Runs nothing until it is told to; a clone is another handle of it.
#[derive(Clone, Default)]
pub struct Turns(Arc<Mutex<Vec<Task>>>);

struct Task {
    future: BoxFuture<'static, ()>,
    woken: Arc<Woken>,
}

struct Woken(Mutex<bool>);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        *self.0.lock().unwrap() = true;
    }
}

impl Executor for Turns {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.0.lock().unwrap().push(Task { future, woken: Arc::new(Woken(Mutex::new(true))) });
    }
}

impl Turns {
    /// Polls each task that was woken before, once; a task that panics is dropped. Says whether there was one.
    pub fn turn(&self) -> bool {
        let mut tasks = std::mem::take(&mut *self.0.lock().unwrap());
        let mut polled = false;
        tasks.retain_mut(|task| {
            if !std::mem::take(&mut *task.woken.0.lock().unwrap()) {
                return true;
            }
            polled = true;
            let waker = Waker::from(task.woken.clone());
            let poll = || task.future.as_mut().poll(&mut Context::from_waker(&waker));
            let poll = std::panic::catch_unwind(std::panic::AssertUnwindSafe(poll));
            poll.is_ok_and(|poll| poll.is_pending())
        });
        let mut all = self.0.lock().unwrap();
        tasks.append(&mut all);
        *all = tasks;
        polled
    }

    /// Turns until nobody wants one.
    pub fn run(&self) {
        while self.turn() {}
    }

    /// The number of tasks that have not ended.
    pub fn tasks(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Drops all tasks, as an executor that ends.
    pub fn end(&self) {
        let tasks = std::mem::take(&mut *self.0.lock().unwrap());
        drop(tasks);
    }
}
