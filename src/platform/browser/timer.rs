//! The engine's clock: `performance.now` and `setTimeout`.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

use super::global;
use crate::runtime::{BoxFuture, Instant, Timer};

/// The engine's monotonic clock. Its origin is the start of the page or worker.
#[derive(Clone, Copy, Debug, Default)]
pub struct EngineTimer;

impl Timer for EngineTimer {
    fn now(&self) -> Instant {
        // A clock that throws stands still. The cast saturates, so a clock that returns NaN or a negative number gives
        // zero.
        let milliseconds = global::now().ok().and_then(|now| now.as_f64()).unwrap_or_default();
        Instant::from_origin(Duration::from_micros((milliseconds * 1000.0) as u64))
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        Box::pin(EngineSleep { deadline, timeout: None, signal: Rc::default() })
    }
}

/// Returns a delay for `setTimeout`: whole milliseconds, rounded up, at most `i32::MAX`.
fn milliseconds(delay: Duration) -> i32 {
    i32::try_from(delay.as_micros().div_ceil(1000)).unwrap_or(i32::MAX)
}

struct EngineSleep {
    deadline: Instant,
    timeout: Option<EngineTimeout>,
    signal: Rc<TimeoutSignal>,
}

/// The state that the callback and the future share.
#[derive(Default)]
struct TimeoutSignal {
    fired: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// A timeout that is set. Dropping it clears it.
struct EngineTimeout {
    id: JsValue,
    _callback: Closure<dyn FnMut()>,
}

impl EngineTimeout {
    /// Sets a timeout. Returns `None` if the engine refuses.
    fn set(milliseconds: i32, signal: &Rc<TimeoutSignal>) -> Option<Self> {
        let signal = signal.clone();
        let callback = Closure::once(move || {
            signal.fired.set(true);
            let waker = signal.waker.take();
            waker.into_iter().for_each(Waker::wake);
        });
        let id = global::set_timeout(callback.as_ref().unchecked_ref(), milliseconds).ok()?;
        Some(Self { id, _callback: callback })
    }
}

impl Drop for EngineTimeout {
    fn drop(&mut self) {
        // A timeout that cannot be cleared fires later and finds no waker.
        let _ = global::clear_timeout(&self.id);
    }
}

impl Future for EngineSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Stored before the timeout is set: a page may have replaced `setTimeout` with a function that calls back at
        // once.
        let replaced = self.signal.waker.replace(Some(cx.waker().clone()));
        drop(replaced);
        if self.timeout.is_none() || self.signal.fired.get() {
            // An engine may fire up to 1 ms early, and a long delay consists of several timeouts.
            let remaining = self.deadline.since(EngineTimer.now());
            if remaining.is_zero() {
                self.timeout = None;
                return Poll::Ready(());
            }
            self.signal.fired.set(false);
            self.timeout = EngineTimeout::set(milliseconds(remaining), &self.signal);
        }
        Poll::Pending
    }
}
