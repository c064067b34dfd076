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

/// The engine's monotonic clock; its origin is the page's or worker's.
#[derive(Clone, Copy, Debug, Default)]
pub struct EngineTimer;

impl Timer for EngineTimer {
    fn now(&self) -> Instant {
        // One that does not work stands still. The cast saturates, so that even a clock gone mad gives a number.
        let milliseconds = global::now().ok().and_then(|now| now.as_f64()).unwrap_or_default();
        Instant::from_origin(Duration::from_micros((milliseconds * 1000.0) as u64))
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        Box::pin(Sleep { deadline, timeout: None, signal: Rc::default() })
    }
}

/// A delay as `setTimeout` wants it: whole, rounded up, and not too long.
fn milliseconds(delay: Duration) -> i32 {
    i32::try_from(delay.as_micros().div_ceil(1000)).unwrap_or(i32::MAX)
}

struct Sleep {
    deadline: Instant,
    timeout: Option<Timeout>,
    signal: Rc<Signal>,
}

/// What the callback and the future share.
#[derive(Default)]
struct Signal {
    fired: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// A set timeout; cleared when dropped.
struct Timeout {
    id: JsValue,
    _callback: Closure<dyn FnMut()>,
}

impl Timeout {
    /// `None` if the engine does not let us have one.
    fn set(milliseconds: i32, signal: &Rc<Signal>) -> Option<Self> {
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

impl Drop for Timeout {
    fn drop(&mut self) {
        // A timeout that cannot be cleared finds nobody to wake.
        let _ = global::clear_timeout(&self.id);
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Before a timeout is set: what a page has put in the engine's place may call back at once.
        let before = self.signal.waker.replace(Some(cx.waker().clone()));
        drop(before);
        if self.timeout.is_none() || self.signal.fired.get() {
            // An engine may fire up to a millisecond early, and long delays are made of several.
            let left = self.deadline.since(EngineTimer.now());
            if left.is_zero() {
                self.timeout = None;
                return Poll::Ready(());
            }
            self.signal.fired.set(false);
            self.timeout = Timeout::set(milliseconds(left), &self.signal);
        }
        Poll::Pending
    }
}
