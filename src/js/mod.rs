//! The exports behind the npm package: the client's outer loop around the platform's own `fetch`.
//!
//! The package makes the platform's `Request` and hands in how to start it; this side decides when, and for how long.
//! Requests and responses stay the platform's own objects, so no byte of a body passes through here.

mod clock;
mod outcome;

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::future::{Either, select};
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use self::clock::EngineClock;
use self::outcome::{Failure, settle};
use crate::client::queue::{Caller, Queue, Settings};
use crate::client::send::{Gate, Limits, send};
use crate::platform;

/// A client's queue and clock.
#[wasm_bindgen]
pub struct Core(Rc<Gate<EngineClock>>);

#[wasm_bindgen]
impl Core {
    /// A core that runs `max_active` requests at once; the package has checked that it is at least 1.
    #[wasm_bindgen(constructor)]
    pub fn new(max_active: u32) -> Self {
        let clock = EngineClock::new();
        let settings = Settings { max_active: max_active as usize, ..Settings::default() };
        let queue = Arc::new(Queue::new(settings, platform::default_timer()));
        Self(Rc::new(Gate { queue, clock }))
    }

    /// Calls `start` once there is a slot, in this very call if there is one, and `done` with what came of it.
    ///
    /// The limits are in milliseconds, zero means none. Once `cancelled` settles, the request leaves the queue or its
    /// slot, and `done` is not called; it must settle after `done` as well, since who waits for a promise is not freed
    /// before.
    pub fn send(&self, start: Function, done: Function, cancelled: Option<Promise>, queue: f64, head: f64, total: f64) {
        let gate = self.0.clone();
        let limits = Limits { queue: limit(queue), head: limit(head), total: limit(total), attempt: None };
        run(async move {
            let mut attempt = || async {
                let promise = start.call0(&JsValue::UNDEFINED).map_err(Failure::Thrown)?;
                JsFuture::from(Promise::resolve(&promise)).await.map_err(Failure::Thrown)
            };
            let sent = std::pin::pin!(send(&gate, limits, Caller::default(), &(), &mut attempt));
            let outcome = match cancelled {
                None => sent.await,
                // First of the two, so that a slot that comes with the abort is not taken.
                Some(cancelled) => match select(JsFuture::from(cancelled), sent).await {
                    Either::Left(_) => return,
                    Either::Right((outcome, _)) => outcome,
                },
            };
            settle(&done, outcome);
        });
    }

    /// The number of requests that hold a slot.
    #[wasm_bindgen(getter)]
    pub fn active(&self) -> usize {
        self.0.queue.stats().active
    }

    /// The number of requests that wait for one.
    #[wasm_bindgen(getter)]
    pub fn queued(&self) -> usize {
        self.0.queue.stats().queued
    }
}

/// A limit in milliseconds as a duration. The cast saturates: what is no length of time becomes zero, which means none.
fn limit(milliseconds: f64) -> Option<Duration> {
    Some(Duration::from_millis(milliseconds.ceil() as u64))
}

/// Polls `future` at once, and leaves it to the engine's loop only if it has to wait.
fn run(future: impl Future<Output = ()> + 'static) {
    let mut future: Pin<Box<dyn Future<Output = ()>>> = Box::pin(future);
    if future.as_mut().poll(&mut Context::from_waker(Waker::noop())) == Poll::Pending {
        spawn_local(future);
    }
}
