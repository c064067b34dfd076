//! Wakers that record or act when they are woken or dropped.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

/// A waker that remembers whether it was woken.
#[derive(Default)]
pub struct WakeFlag(AtomicBool);

impl WakeFlag {
    /// Returns a flag that is not set, and a waker that sets it.
    pub fn new() -> (Arc<Self>, Waker) {
        let flag = Arc::new(Self::default());
        (flag.clone(), flag.into())
    }

    /// Returns whether the waker was woken since the last call.
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A waker that counts how often it was woken.
#[derive(Default)]
pub struct WakeCount(AtomicUsize);

impl WakeCount {
    /// Returns a count of zero, and a waker that increases it.
    pub fn new() -> (Arc<Self>, Waker) {
        let count = Arc::new(Self::default());
        (count.clone(), count.into())
    }

    pub fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for WakeCount {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A waker that does nothing when it is woken and calls a function when it is dropped.
pub struct OnDropWaker<F: Fn() + Send + Sync + 'static>(pub F);

impl<F: Fn() + Send + Sync + 'static> Wake for OnDropWaker<F> {
    fn wake(self: Arc<Self>) {}
}

impl<F: Fn() + Send + Sync + 'static> Drop for OnDropWaker<F> {
    fn drop(&mut self) {
        (self.0)()
    }
}

/// A minimal executor: a task is an `Arc`, its wakers own it, and waking it polls it.
pub struct ArcTask(pub Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>);

impl Wake for ArcTask {
    fn wake(self: Arc<Self>) {
        let future = self.0.lock().unwrap().take();
        if let Some(mut future) = future {
            if future.as_mut().poll(&mut Context::from_waker(&self.clone().into())).is_pending() {
                *self.0.lock().unwrap() = Some(future)
            }
        }
    }
}
