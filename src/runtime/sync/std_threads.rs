//! The locks, atomics and threads of `std`.

pub(crate) use std::sync::{Mutex, MutexGuard, atomic};

/// What only the thread models use.
#[cfg(test)]
pub(crate) mod for_models {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Wake, Waker};
    use std::thread::{self, Thread};
    pub(crate) use std::thread::{JoinHandle, spawn};
    use std::time::{Duration, Instant};

    /// How often a model runs. The operating system rarely switches threads within such a short run, so more runs would
    /// find little.
    const RUNS: usize = 50;

    /// How long a future may wait for a wake-up.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// Runs a model.
    pub(crate) fn check(_name: &str, model: impl Fn() + Send + Sync + Clone + 'static) {
        (0..RUNS).for_each(|_| model());
    }

    /// Lets other threads run.
    pub(crate) fn give_way() {
        // To yield is not enough: the operating system may have other processes to run.
        thread::sleep(Duration::from_micros(200));
    }

    /// Runs a future on this thread. Panics if the future is not woken.
    pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
        let mut future = pin!(future);
        let waker = Waker::from(Arc::new(UnparkWaker(thread::current())));
        let began = Instant::now();
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            thread::park_timeout(PATIENCE);
            assert!(began.elapsed() < PATIENCE, "the future was not woken");
        }
    }

    struct UnparkWaker(Thread);

    impl Wake for UnparkWaker {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
}
