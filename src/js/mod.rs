//! The exports behind the npm package: the client's outer loop around the platform's own `fetch`.
//!
//! The package makes the platform's `Request`, starts it when it is told and keeps what comes of it; this side decides when,
//! and for how long. What goes to and fro are numbers: no object of JavaScript's and no byte of a body passes through here,
//! and with the objects stays away what would keep them, half of the module otherwise.

// JavaScript reaches them, and the macro wants them public.
#![allow(unreachable_pub)]

mod call;
mod clock;
mod host;
mod tasks;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use wasm_bindgen::prelude::*;

use self::call::HostCall;
use self::clock::{HostClock, HostSleep};
use crate::client::call::{Shared, Timeouts, run};
use crate::client::queue::{Admission, Queue, QueueSettings, Rate};

type Client = Rc<Shared<HostSleep>>;

thread_local! {
    /// The clients, by the numbers that JavaScript gives them.
    static CLIENTS: RefCell<Vec<Option<Client>>> = const { RefCell::new(Vec::new()) };
}

/// A client under a number that is free. Zero as a limit means none, `u32::MAX` as `max_queued`; times are in milliseconds.
/// The package has checked everything.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn create(
    client: u32,
    max_active: u32,
    max_active_per_origin: u32,
    max_queued: u32,
    requests: u32,
    per: f64,
    burst: u32,
    origin_requests: u32,
    origin_per: f64,
    origin_burst: u32,
) {
    let settings = QueueSettings {
        max_active: max_active as usize,
        max_active_per_origin: (max_active_per_origin > 0).then_some(max_active_per_origin as usize),
        max_queued: (max_queued < u32::MAX).then_some(max_queued as usize),
        rate: rate(requests, per, burst),
        origin_rate: rate(origin_requests, origin_per, origin_burst),
        ..QueueSettings::default()
    };
    let shared = Shared { queue: Arc::new(Queue::new(settings, Arc::new(HostClock))), clock: HostClock };
    CLIENTS.with_borrow_mut(|clients| {
        let least = client as usize + 1;
        if clients.len() < least {
            clients.resize_with(least, || None);
        }
        if let Some(place) = clients.get_mut(client as usize) {
            *place = Some(Rc::new(shared));
        }
    });
}

/// Forgets a client; its number is free.
#[wasm_bindgen]
pub fn forget(client: u32) {
    let gone = CLIENTS.with_borrow_mut(|clients| clients.get_mut(client as usize).and_then(Option::take));
    drop(gone);
}

/// Runs a request as a task, whose number is free: `start` is called once there is a slot, in this very call if there is one,
/// and in the end `done`. The limits are in milliseconds, zero means none; the origin may be empty if origins have no limits.
#[wasm_bindgen]
pub fn request(client: u32, task: u32, origin: &str, priority: i16, queue: f64, head: f64, total: f64) {
    let Some(shared) = find(client) else { return };
    let timeouts = Timeouts { queue: limit(queue), head: limit(head), total: limit(total), attempt: None };
    let origin: Box<str> = origin.into();
    tasks::run(task, async move {
        let caller = Admission { origin: &origin, priority, is_retry: false };
        let sent = run(&shared, timeouts, caller, &mut HostCall(task)).await;
        // The slot is free from here on: the body of a response that stays the platform's own cannot be watched.
        sent.map_or_else(|failure| failure.0, |_held| 0)
    });
}

/// Tells how a task's attempt ended.
#[wasm_bindgen]
pub fn settle(task: u32, with_response: bool) {
    tasks::turn(|| tasks::settle(task, with_response));
}

/// A timer went off.
#[wasm_bindgen]
pub fn wake(task: u32) {
    tasks::turn(|| tasks::wake(task));
}

/// Takes a task out of the queue or its slot. The result is whether its number is free at once; else `done` is called.
#[wasm_bindgen]
pub fn cancel(task: u32) -> bool {
    tasks::cancel(task)
}

/// Changes a client as a whole: 0 pauses, 1 resumes, 2 clears, 3 closes, 4 closes at once.
#[wasm_bindgen]
pub fn command(client: u32, what: u32) {
    let Some(shared) = find(client) else { return };
    tasks::turn(|| match what {
        0 => shared.queue.pause(true),
        1 => shared.queue.pause(false),
        2 => drop(shared.queue.clear()),
        3 => shared.queue.close(),
        _ => shared.queue.close_now(),
    });
}

/// A client's statistics: 0 how many run, 1 how many wait, 2 the sum of all waits in milliseconds, 3 the longest; from 4 on the
/// buckets of the histogram.
#[wasm_bindgen]
pub fn stat(client: u32, which: u32) -> f64 {
    let Some(shared) = find(client) else { return 0.0 };
    let stats = shared.queue.totals();
    match which {
        0 => stats.active as f64,
        1 => stats.queued as f64,
        2 => stats.waits.total().as_secs_f64() * 1e3,
        3 => stats.waits.longest().as_secs_f64() * 1e3,
        _ => stats.waits.bucket(which as usize - 4) as f64,
    }
}

fn find(client: u32) -> Option<Client> {
    CLIENTS.with_borrow(|clients| clients.get(client as usize).cloned().flatten())
}

fn rate(requests: u32, per: f64, burst: u32) -> Option<Rate> {
    (requests > 0).then(|| Rate::new(requests, Duration::from_nanos((per * 1e6) as u64)).burst(burst))
}

/// A limit in milliseconds as a duration. The cast saturates: what is no length of time becomes zero, which means none.
fn limit(milliseconds: f64) -> Option<Duration> {
    Some(Duration::from_millis(milliseconds.ceil() as u64))
}
